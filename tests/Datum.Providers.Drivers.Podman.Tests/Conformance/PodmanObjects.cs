using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Datum.Providers.Conformance;
using Datum.Providers.Drivers.Podman.Firewall;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Podman.Tests.Conformance;

/// <summary>Podman's objects without the driver. What this makes carries a label of its own, by which it is found again and removed.</summary>
internal sealed class PodmanObjects(PodmanHost podman, string installation)
{
    private const string ForeignKey = "conformance-foreign";

    private string SecretPrefix => $"datum-{installation}-";

    /// <summary>Everything with a mark of the installation; secrets, which have no labels here, by their names.</summary>
    public async Task<ImmutableArray<CensusObject>> CountAsync()
    {
        var filter = "filters=" + Uri.EscapeDataString($$"""{"label":["{{Marks.InstallKey}}={{installation}}"]}""");
        var found = ImmutableArray.CreateBuilder<CensusObject>();
        foreach (var network in await ListAsync($"networks/json?{filter}"))
            Add(network.GetProperty("name").GetString()!, Labels(network, "labels"), network.GetProperty("name").GetString()!);
        foreach (var volume in await ListAsync($"volumes/json?{filter}"))
            Add(volume.GetProperty("Name").GetString()!, Labels(volume, "Labels"), volume.GetProperty("Name").GetString()!);
        foreach (var pod in await ListAsync($"pods/json?{filter}"))
            Add(pod.GetProperty("Id").GetString()!, Labels(pod, "Labels"), pod.GetProperty("Name").GetString()!, await PodRevisionAsync(pod));
        foreach (var container in await ListAsync($"containers/json?all=true&{filter}"))
            if (!container.GetProperty("IsInfra").GetBoolean())
                Add(container.GetProperty("Id").GetString()!, Labels(container, "Labels"), container.GetProperty("Names")[0].GetString()!,
                    $"{container.GetProperty("State").GetString()}/{container.GetProperty("Pid")}/{container.GetProperty("StartedAt")}");
        // The stored contents of one instance are one part of many keys; the driver names it by what their names begin with.
        foreach (var stored in (await SecretsAsync()).GroupBy(n => n[SecretPrefix.Length..].Split('-')[0], StringComparer.Ordinal))
            found.Add(new CensusObject
            {
                Id = $"{SecretPrefix}{stored.Key}-",
                Kind = ResourceKind.Instance,
                IdentityName = stored.Key,
                Labels = string.Join(' ', stored.Order(StringComparer.Ordinal)),
                Attached = true,
            });
        return found.ToImmutable();

        void Add(string id, Dictionary<string, string> labels, string name, string? revision = null)
        {
            if (Marks.Parse(labels) is { } mark)
                found.Add(new CensusObject
                {
                    Id = id,
                    Kind = mark.Kind,
                    IdentityName = mark.Name,
                    Incarnation = mark.Incarnation,
                    Labels = $"{name} {string.Join(' ', labels.Select(l => $"{l.Key}={l.Value}"))}",
                    Revision = revision,
                });
        }
    }

    /// <summary>One object, whatever mark it carries; null when it isn't there.</summary>
    public async Task<CensusObject?> ReadAsync(string collection, string id)
    {
        using var answer = await podman.Client.GetAsync(Address($"{collection}/{Uri.EscapeDataString(id)}/json"));
        if (answer.StatusCode == HttpStatusCode.NotFound)
            return null;
        answer.EnsureSuccessStatusCode();
        using var document = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        var labels = LabelsOf(collection, document.RootElement);
        var mark = Marks.Parse(labels);
        return new CensusObject
        {
            Id = id,
            Kind = mark?.Kind ?? ResourceKind.Unknown,
            IdentityName = mark?.Name ?? "",
            Incarnation = mark?.Incarnation ?? 0,
            Labels = string.Join(' ', labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value}")),
        };
    }

    /// <summary>Removes one, whoever uses it; it must have been there.</summary>
    public async Task RemoveAsync(string collection, string id)
    {
        using var answer = await podman.Client.DeleteAsync(Address($"{collection}/{Uri.EscapeDataString(id)}?force=true{(collection == "containers" ? "&timeout=0" : "")}"));
        if (!answer.IsSuccessStatusCode)
            throw new InvalidOperationException($"{collection} {id} can't be removed: {await answer.Content.ReadAsStringAsync()}");
    }

    public async Task<Dictionary<string, string>> LabelsAsync(string collection, string id)
    {
        var item = await GetAsync($"{collection}/{Uri.EscapeDataString(id)}/json");
        var labels = LabelsOf(collection, item);
        labels.Remove(ForeignKey);
        return labels;
    }

    // The packet filter belongs to the pod, and Podman knows nothing of it.
    private async Task<string> PodRevisionAsync(JsonElement pod)
    {
        var status = pod.GetProperty("Status").GetString();
        if (pod.GetProperty("InfraId").GetString() is not { Length: > 0 } || await NetworkNamespaceAsync(pod.GetProperty("Id").GetString()!) is not { } netns)
            return status!;
        var loaded = await new NsenterFirewall(TimeProvider.System).ReadAsync(netns, CancellationToken.None);
        return $"{status}/{loaded.Value}";
    }

    /// <summary>The network namespace of a pod; null while it has none.</summary>
    public async Task<string?> NetworkNamespaceAsync(string pod)
    {
        var infra = (await GetAsync($"pods/{pod}/json")).GetProperty("InfraContainerID").GetString();
        if (string.IsNullOrEmpty(infra))
            return null;
        var path = (await GetAsync($"containers/{infra}/json")).GetProperty("NetworkSettings").GetProperty("SandboxKey").GetString();
        return string.IsNullOrEmpty(path) ? null : path;
    }

    /// <summary>Makes a volume, an empty pod or a container that isn't started; returns the id that the driver would have for it.</summary>
    public async Task<string> MakeAsync(string collection, string name, Dictionary<string, string> labels)
    {
        if (collection == "containers")
            return await MakeContainerAsync(name, labels, new { });
        // An infra container would be shared with nobody.
        object body = collection == "pods" ? new { name, labels = Own(labels), no_infra = true } : new { Name = name, Label = Own(labels) };
        var made = await PostAsync($"{collection}/create", body);
        return collection == "pods" ? made.GetProperty("Id").GetString()! : name;
    }

    public async Task<string> MakeContainerAsync(string name, Dictionary<string, string> labels, object extra)
    {
        var body = JsonSerializer.SerializeToNode(extra)!.AsObject();
        body["name"] = name;
        body["image"] = PodmanHost.WebImage;
        body["labels"] = JsonSerializer.SerializeToNode(Own(labels));
        return (await PostAsync("containers/create", body)).GetProperty("Id").GetString()!;
    }

    public async Task<string> MakeNetworkAsync(string name, Dictionary<string, string> labels, ImmutableArray<string> ranges)
    {
        await PostAsync("networks/create", new
        {
            name,
            driver = "bridge",
            network_interface = "dk" + Guid.NewGuid().ToString("N")[..12],
            labels = Own(labels),
            ipv6_enabled = true,
            subnets = ranges.Select(r => new { subnet = r }).ToArray(),
        });
        return name;
    }

    /// <summary>Removes what the case left, ours and foreign.</summary>
    public async Task RemoveAllAsync()
    {
        for (var i = 1; ; i++)
        {
            try
            {
                await KillAllAsync();
                // First what holds ours.
                await podman.RemoveByLabelAsync($"{ForeignKey}={installation}");
                await podman.RemoveByLabelAsync($"{Marks.InstallKey}={installation}");
                break;
            }
            catch (InvalidOperationException e) when (i < 20 && e.Message.Contains("container state improper", StringComparison.Ordinal))
            {
                // A container that is just ending.
                await Task.Delay(100);
            }
        }

        foreach (var secret in await SecretsAsync())
            using (var answer = await podman.Client.DeleteAsync(Address($"secrets/{secret}")))
            {
                if (!answer.IsSuccessStatusCode && answer.StatusCode != HttpStatusCode.NotFound)
                    throw new InvalidOperationException($"Secret {secret} can't be removed: {await answer.Content.ReadAsStringAsync()}");
            }
    }

    // Else each takes its grace.
    private async Task KillAllAsync()
    {
        var filter = Uri.EscapeDataString($$"""{"label":["{{Marks.InstallKey}}={{installation}}"],"status":["running"]}""");
        await Task.WhenAll((await ListAsync($"containers/json?filters={filter}")).Select(async c =>
        {
            // One that ended since the list was made answers 409, one that is gone 404.
            using var answer = await podman.Client.PostAsync(Address($"containers/{c.GetProperty("Id").GetString()}/kill?signal=SIGKILL"), null);
        }));
    }

    private async Task<IReadOnlyList<string>> SecretsAsync() =>
        [.. (await ListAsync("secrets/json")).Select(s => s.GetProperty("Spec").GetProperty("Name").GetString()!).Where(n => n.StartsWith(SecretPrefix, StringComparison.Ordinal))];

    private Dictionary<string, string> Own(Dictionary<string, string> labels) => new(labels) { [ForeignKey] = installation };

    private static Dictionary<string, string> Labels(JsonElement item, string name) =>
        item.TryGetProperty(name, out var labels) && labels.ValueKind == JsonValueKind.Object
            ? labels.EnumerateObject().ToDictionary(l => l.Name, l => l.Value.GetString() ?? "") : [];

    private static Dictionary<string, string> LabelsOf(string collection, JsonElement item) => collection switch
    {
        "networks" => Labels(item, "labels"),
        "containers" => Labels(item.GetProperty("Config"), "Labels"),
        _ => Labels(item, "Labels"),
    };

    private static Uri Address(string path) => new(path, UriKind.Relative);

    private async Task<JsonElement> GetAsync(string path)
    {
        using var document = JsonDocument.Parse(await podman.Client.GetStringAsync(Address(path)));
        return document.RootElement.Clone();
    }

    // An empty list may come as null.
    private async Task<IReadOnlyList<JsonElement>> ListAsync(string path) =>
        await GetAsync(path) is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray()] : [];

    private async Task<JsonElement> PostAsync(string path, object body)
    {
        using var answer = await podman.Client.PostAsync(Address(path), JsonContent.Create(body, body.GetType()));
        var text = await answer.Content.ReadAsStringAsync();
        if (!answer.IsSuccessStatusCode)
            throw new InvalidOperationException($"{path}: {text}");
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }
}
