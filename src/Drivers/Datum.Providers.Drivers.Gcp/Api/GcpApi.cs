using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers.Drivers.Gcp.Api;

/// <summary>The requests of one session: to Compute Engine below the project, and to Secret Manager below the project.</summary>
internal sealed class GcpApi : IDisposable
{
    private readonly HttpMessageHandler _handler;
    private readonly RestClientOptions _secretOptions;
    private readonly Redactor _redactor;

    public GcpApi(HttpMessageHandler handler, TimeProvider time, string project, Uri compute, Uri secrets, IRequestAuthorizer? authorizer, Redactor redactor)
    {
        _handler = handler;
        _redactor = redactor;
        Project = project;
        Compute = new RestClient(handler, new RestClientOptions
        {
            BaseAddress = new Uri($"{compute.AbsoluteUri.TrimEnd('/')}/compute/v1/projects/{project}/"),
            Time = time,
            Authorizer = authorizer,
            Errors = GcpErrors.Table(redactor),
            UserAgent = "datum-providers-gcp/" + GcpDescriptor.Version,
            RequestIdHeader = null,
        });
        _secretOptions = new RestClientOptions
        {
            BaseAddress = new Uri($"{secrets.AbsoluteUri.TrimEnd('/')}/v1/projects/{project}/"),
            Time = time,
            Authorizer = authorizer,
            Errors = GcpErrors.Table(redactor),
            UserAgent = "datum-providers-gcp/" + GcpDescriptor.Version,
            RequestIdHeader = null,
        };
        Secrets = new RestClient(handler, _secretOptions);
        Operations = new Operations(Compute, new GcpOperations());
    }

    public string Project { get; }

    public RestClient Compute { get; }

    public RestClient Secrets { get; }

    public Operations Operations { get; }

    /// <summary>A client for requests that carry contents: none of them gets into an error, however the platform repeats them.</summary>
    public RestClient SecretsHiding(IEnumerable<string> contents) =>
        new(_handler, _secretOptions with { Errors = GcpErrors.Table(_redactor.With(contents), requestIds: false) });

    /// <summary>Reads one object. All three are null or false when it isn't there.</summary>
    public static ValueTask<(T? Item, DriverError? Error)> GetAsync<T>(RestClient client, Call call, string path, JsonTypeInfo<T> type) where T : class =>
        GetAsync(client, call, RestRequest.Get(path), type);

    /// <summary>As the other, by a request.</summary>
    public static async ValueTask<(T? Item, DriverError? Error)> GetAsync<T>(RestClient client, Call call, RestRequest request, JsonTypeInfo<T> type) where T : class
    {
        var answer = await client.SendAsync(call, request);
        if (answer.NotFound && IsGoogles(answer))
            return (null, null);
        var read = answer.Read(type);
        return (read.Value, read.Error);
    }

    /// <summary>Sends a change and reads how far it is.</summary>
    public async ValueTask<OperationLook> ChangeAsync(Call call, RestRequest request) => Operations.Begin(await Compute.SendAsync(call, request));

    /// <summary>
    /// The objects of a list, or of an aggregated one, and whether it is whole. A scope that answers with another warning than "no results"
    /// was left out.
    /// </summary>
    public static Answer<PageOf<T>> ReadPage<T>(RestResult answer, string collection, JsonTypeInfo<T> type) where T : class
    {
        if (answer.Error is { } error)
            return error;
        try
        {
            using var json = JsonDocument.Parse(answer.Body);
            var root = json.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                return Unreadable(answer, "an object is expected");
            // A list says what it is, also an empty one (Secret Manager's say how long they are): without that it is somebody else's answer.
            if (!root.TryGetProperty("kind", out _) && !root.TryGetProperty("totalSize", out _) && !root.TryGetProperty(collection, out _))
                return Unreadable(answer, "it isn't a list of Google's");
            var items = ImmutableArray.CreateBuilder<T>();
            var complete = !root.TryGetProperty("unreachables", out var lost) || lost.GetArrayLength() == 0;
            complete &= JsonText.Find(root, "warning", "code") != "UNREACHABLE";
            if (root.TryGetProperty(root.TryGetProperty("items", out _) ? "items" : collection, out var list))
                complete &= Collect(list, collection, type, items);
            return new PageOf<T>(items.ToImmutable(), complete);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return Unreadable(answer, "it can't be read");
        }
    }

    public void Dispose()
    {
        Compute.Dispose();
        Secrets.Dispose();
    }

    /// <summary>A 404 that Google didn't write (a proxy, a wrong address) proves no absence.</summary>
    private static bool IsGoogles(RestResult answer)
    {
        try
        {
            return JsonText.Find(answer.Body, "error", "code") == "404";
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool Collect<T>(JsonElement list, string collection, JsonTypeInfo<T> type, ImmutableArray<T>.Builder items) where T : class
    {
        if (list.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in list.EnumerateArray())
                if (item.Deserialize(type) is { } read)
                    items.Add(read);
            return true;
        }

        var complete = true;
        foreach (var scope in list.EnumerateObject())
        {
            if (scope.Value.TryGetProperty(collection, out var own))
                Collect(own, collection, type, items);
            if (scope.Value.TryGetProperty("warning", out var warning) && JsonText.Find(warning, "code") != "NO_RESULTS_ON_PAGE")
                complete = false;
        }

        return complete;
    }

    private static DriverError Unreadable(RestResult answer, string why) =>
        GcpErrors.Refused(ErrorCode.Failed, $"The platform's list ({answer.Status}, {answer.Body.Length} bytes) isn't one: {why}.");
}

/// <summary>A page of objects.</summary>
internal sealed record PageOf<T>(ImmutableArray<T> Items, bool Complete);

/// <summary>Follows operations by scope and name: the platform's own links name another host than the one that it is asked at.</summary>
internal sealed class GcpOperations : OperationStyle
{
    private readonly OperationResources _resources = new();

    public override string Name => "gcp";

    public override string? Find(RestResult answer, Uri endpoint)
    {
        var name = JsonText.Find(answer.Body, "name");
        if (JsonText.Find(answer.Body, "operationType") is null || name is null)
            return null;
        var scope = JsonText.Find(answer.Body, "zone") is { } zone ? "zones/" + Paths.Last(zone) : JsonText.Find(answer.Body, "region") is { } region ? "regions/" + Paths.Last(region) : "global";
        return $"{scope}/operations/{name}";
    }

    public override RestRequest? Ask(string data) => Paths.IsPath(data) && data.Contains("/operations/", StringComparison.Ordinal) ? RestRequest.Get(data) : null;

    public override OperationReading Read(RestResult answer, string data, bool first)
    {
        // Without a status it is no operation, whatever it says of success.
        if (JsonText.Find(answer.Body, "status") is null)
            throw new JsonException("no status");
        return _resources.Read(answer, data, first);
    }
}

/// <summary>Paths below the project: <c>zones/z/instances/name</c>; ids of parts have this form.</summary>
internal static class Paths
{
    public static string Last(string link) => link[(link.LastIndexOf('/') + 1)..];

    /// <summary>Letters, digits, dashes and slashes: nothing that an address would take for something else.</summary>
    public static bool IsPath(string text) => text.Length is > 0 and < 512 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '/' or '_' or '.') && !text.Contains("..", StringComparison.Ordinal);

    /// <summary>A link of the project's own as a path; another project's keeps its <c>projects/NAME</c>.</summary>
    public static string Below(string? link, string project)
    {
        var at = link?.IndexOf("projects/", StringComparison.Ordinal) ?? -1;
        if (at < 0)
            return link ?? "";
        var rest = link![(at + 9)..];
        return rest.StartsWith(project + "/", StringComparison.Ordinal) ? rest[(project.Length + 1)..] : link[at..];
    }
}
