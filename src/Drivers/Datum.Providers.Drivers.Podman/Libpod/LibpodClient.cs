using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers.Drivers.Podman.Libpod;

/// <summary>The requests that the driver sends. Every one is a single exchange; nothing is repeated.</summary>
/// <remarks>
/// The path carries 4.0.0: the oldest version of the API that has all of it. Podman accepts every version between its own and 4.0.0,
/// so one driver speaks to Podman 4 and 5.
/// </remarks>
internal sealed class LibpodClient(RestClient rest)
{
    private const string Root = "v4.0.0/libpod/";

    public ValueTask<Answer<VersionInfo>> VersionAsync(Call call) => GetAsync(call, "version", LibpodJson.Default.VersionInfo);

    public ValueTask<Answer<HostInfo>> InfoAsync(Call call) => GetAsync(call, "info", LibpodJson.Default.HostInfo);

    public ValueTask<Found<NetworkObject>> NetworkAsync(Call call, string name) => FindAsync(call, $"networks/{Escape(name)}/json", LibpodJson.Default.NetworkObject);

    public ValueTask<Answer<List<NetworkObject>>> NetworksAsync(Call call, params ReadOnlySpan<string> labels) =>
        GetAsync(call, Filtered("networks/json", "label", labels), LibpodJson.Default.ListNetworkObject);

    public ValueTask<RestResult> CreateNetworkAsync(Call call, NetworkObject body) => PostAsync(call, "networks/create", body, LibpodJson.Default.NetworkObject);

    public ValueTask<RestResult> DeleteNetworkAsync(Call call, string name) => rest.SendAsync(call, RestRequest.Delete($"{Root}networks/{Escape(name)}"));

    public ValueTask<Found<VolumeInfo>> VolumeAsync(Call call, string name) => FindAsync(call, $"volumes/{Escape(name)}/json", LibpodJson.Default.VolumeInfo);

    public ValueTask<Answer<List<VolumeInfo>>> VolumesAsync(Call call, params ReadOnlySpan<string> labels) =>
        GetAsync(call, Filtered("volumes/json", "label", labels), LibpodJson.Default.ListVolumeInfo);

    public ValueTask<RestResult> CreateVolumeAsync(Call call, VolumeCreate body) => PostAsync(call, "volumes/create", body, LibpodJson.Default.VolumeCreate);

    public ValueTask<RestResult> DeleteVolumeAsync(Call call, string name) => rest.SendAsync(call, RestRequest.Delete($"{Root}volumes/{Escape(name)}"));

    public ValueTask<Found<PodInspect>> PodAsync(Call call, string nameOrId) => FindAsync(call, $"pods/{Escape(nameOrId)}/json", LibpodJson.Default.PodInspect);

    public ValueTask<Answer<List<PodListItem>>> PodsAsync(Call call, params ReadOnlySpan<string> labels) =>
        GetAsync(call, Filtered("pods/json", "label", labels), LibpodJson.Default.ListPodListItem);

    public ValueTask<RestResult> CreatePodAsync(Call call, PodCreate body) => PostAsync(call, "pods/create", body, LibpodJson.Default.PodCreate);

    public ValueTask<RestResult> DeletePodAsync(Call call, string id) => rest.SendAsync(call, RestRequest.Delete($"{Root}pods/{Escape(id)}?force=true"));

    public ValueTask<Found<ContainerInspect>> ContainerAsync(Call call, string nameOrId) =>
        FindAsync(call, $"containers/{Escape(nameOrId)}/json", LibpodJson.Default.ContainerInspect);

    /// <summary>Containers in any state, by one filter (<c>label</c>, <c>network</c>, <c>volume</c>).</summary>
    public ValueTask<Answer<List<ContainerListItem>>> ContainersAsync(Call call, string filter, params ReadOnlySpan<string> values) =>
        GetAsync(call, Filtered("containers/json?all=true", filter, values), LibpodJson.Default.ListContainerListItem);

    public ValueTask<RestResult> CreateContainerAsync(Call call, ContainerCreate body) => PostAsync(call, "containers/create", body, LibpodJson.Default.ContainerCreate);

    public ValueTask<RestResult> StartContainerAsync(Call call, string id) => rest.SendAsync(call, RestRequest.Post($"{Root}containers/{Escape(id)}/start"));

    /// <summary>Kills and removes one container, and volumes without a name that its image asked for.</summary>
    public ValueTask<RestResult> DeleteContainerAsync(Call call, string id) =>
        rest.SendAsync(call, RestRequest.Delete($"{Root}containers/{Escape(id)}?force=true&timeout=0&v=true"));

    public ValueTask<RestResult> KillContainerAsync(Call call, string id, string signal) =>
        rest.SendAsync(call, RestRequest.Post($"{Root}containers/{Escape(id)}/kill?signal={Escape(signal)}"));

    /// <summary>Asks it to stop, waits so many seconds and kills it; 304 when it doesn't run.</summary>
    public ValueTask<RestResult> StopContainerAsync(Call call, string id, int grace) =>
        rest.SendAsync(call, RestRequest.Post(string.Create(CultureInfo.InvariantCulture, $"{Root}containers/{Escape(id)}/stop?timeout={grace}")));

    /// <summary>The same, then a start. Without the parameter Podman 4 kills at once instead of asking.</summary>
    public ValueTask<RestResult> RestartContainerAsync(Call call, string id, int grace) =>
        rest.SendAsync(call, RestRequest.Post(string.Create(CultureInfo.InvariantCulture, $"{Root}containers/{Escape(id)}/restart?timeout={grace}")));

    /// <summary>The newest lines of both outputs with their times, in frames; <paramref name="since"/> is in seconds since 1970.</summary>
    public ValueTask<RestResult> LogsAsync(Call call, string id, int lines, long? since) => rest.SendAsync(call, RestRequest.Get(RestRequest.WithQuery(
        $"{Root}containers/{Escape(id)}/logs?stdout=true&stderr=true&timestamps=true",
        new("tail", lines.ToString(CultureInfo.InvariantCulture)),
        new("since", since?.ToString(CultureInfo.InvariantCulture)))));

    public ValueTask<Answer<HealthResult>> RunHealthCheckAsync(Call call, string id) =>
        GetAsync(call, $"containers/{Escape(id)}/healthcheck", LibpodJson.Default.HealthResult);

    /// <summary>Counters of some containers, read once. At least one id: without any Podman tells of every container of the machine.</summary>
    public async ValueTask<Answer<List<ContainerStats>>> StatsAsync(Call call, IEnumerable<string> ids)
    {
        var answer = await GetAsync(call, "containers/stats?stream=false" + string.Concat(ids.Select(id => "&containers=" + Escape(id))), LibpodJson.Default.StatsReport);
        if (answer.Error is { } error)
            return error;
        // One that can't be read spoils the others, with status 200 and without a word; most often it was removed since its id was read.
        if (answer.Value is not { Stats: { } stats, Error: null or { ValueKind: JsonValueKind.Null } })
            return new DriverError
            {
                Code = ErrorCode.NotReadyYet,
                Effect = Effect.NotApplied,
                Scope = ErrorScope.Resource,
                Message = "Podman can't read the counters of a container and doesn't say of which: it was removed just now, or its cgroup can't be read.",
            };
        return stats;
    }

    public ValueTask<Found<ImageInfo>> ImageAsync(Call call, string reference) => FindAsync(call, $"images/{Escape(reference)}/json", LibpodJson.Default.ImageInfo);

    public ValueTask<Answer<List<ImageSummary>>> ImagesAsync(Call call) => GetAsync(call, "images/json", LibpodJson.Default.ListImageSummary);

    public ValueTask<Answer<List<SecretInfo>>> SecretsAsync(Call call) => GetAsync(call, "secrets/json", LibpodJson.Default.ListSecretInfo);

    public ValueTask<RestResult> CreateSecretAsync(Call call, string name, ReadOnlyMemory<byte> value) => rest.SendAsync(call, new RestRequest
    {
        Method = HttpMethod.Post,
        Path = $"{Root}secrets/create?name={Escape(name)}",
        Body = value,
        ContentType = "application/octet-stream",
    });

    public ValueTask<RestResult> DeleteSecretAsync(Call call, string name) => rest.SendAsync(call, RestRequest.Delete($"{Root}secrets/{Escape(name)}"));

    /// <summary>The lines of a pull. Podman ends the pull when the connection ends.</summary>
    public IAsyncEnumerable<JsonElement> PullAsync(Call call, string reference, string? registryAuth)
    {
        var request = RestRequest.Post($"{Root}images/pull?reference={Escape(reference)}&policy=missing");
        return rest.LinesAsync(call, registryAuth is null ? request : request.WithHeader("X-Registry-Auth", registryAuth));
    }

    /// <summary>The event stream of some types of objects.</summary>
    public IAsyncEnumerable<JsonElement> EventsAsync(Call call, params ReadOnlySpan<string> types) =>
        rest.LinesAsync(call, RestRequest.Get(Root + Filtered("events?stream=true", "type", types)));

    internal static string Filtered(string path, string filter, params ReadOnlySpan<string> values)
    {
        var filters = new Dictionary<string, ImmutableArray<string>> { [filter] = [.. values] };
        return RestRequest.WithQuery(path, new KeyValuePair<string, string?>("filters",
            JsonSerializer.Serialize(filters, LibpodJson.Default.DictionaryStringImmutableArrayString)));
    }

    private static string Escape(string text) => Uri.EscapeDataString(text);

    private async ValueTask<Answer<T>> GetAsync<T>(Call call, string path, JsonTypeInfo<T> type) where T : class =>
        (await rest.SendAsync(call, RestRequest.Get(Root + path))).Read(type);

    private async ValueTask<Found<T>> FindAsync<T>(Call call, string path, JsonTypeInfo<T> type) where T : class
    {
        var result = await rest.SendAsync(call, RestRequest.Get(Root + path));
        if (result.NotFound)
            // Absence is said by Podman and nobody else: something else on the socket, or a path that it doesn't know, answers 404 too (law L6).
            return LibpodErrors.SaysNotThere(result) ? new Found<T>(null, null) : new Found<T>(null, new DriverError
            {
                Code = ErrorCode.Unavailable,
                Effect = Effect.NotApplied,
                Scope = ErrorScope.Account,
                Message = $"An answer {result.Status} of {result.Body.Length} bytes isn't Podman's, so it proves no absence.",
            });
        var answer = result.Read(type);
        return new Found<T>(answer.Value, answer.Error);
    }

    private ValueTask<RestResult> PostAsync<T>(Call call, string path, T body, JsonTypeInfo<T> type) =>
        rest.SendAsync(call, RestRequest.Post(Root + path, body, type));
}

/// <summary>A read by name or id: the object, or neither (404), or an error.</summary>
internal readonly record struct Found<T>(T? Value, DriverError? Error) where T : class;
