using System.Text.Json;
using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes;

/// <summary>Puts kinds into an API server.</summary>
public static class PlaneInstaller
{
    /// <summary>
    /// Creates the CustomResourceDefinitions of the YAML texts, or patches those whose spec, labels or annotations differ,
    /// and returns once every one is Established. Writes nothing when nothing differs.
    /// </summary>
    /// <exception cref="FormatException">A document isn't a CustomResourceDefinition.</exception>
    /// <exception cref="KubernetesException">The server refuses one, or another kind holds its names.</exception>
    public static async Task ApplyCrdsAsync(IKubernetesClient client, IEnumerable<ReadOnlyMemory<byte>> yaml, CancellationToken cancellation)
    {
        var waiting = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in yaml.SelectMany(YamlJson.Parse))
        {
            if (node is not JsonObject wanted || (string?)wanted["kind"] != "CustomResourceDefinition"
                || (string?)wanted["apiVersion"] != Core.CustomResourceDefinitions.ApiVersion || (string?)wanted["metadata"]?["name"] is not { Length: > 0 } name)
                throw new FormatException($"A document is no CustomResourceDefinition of {Core.CustomResourceDefinitions.ApiVersion} with a name.");
            await ApplyAsync(client, name, wanted, cancellation);
            waiting.Add(name);
        }
        if (waiting.Count > 0)
            await WaitAsync(client, waiting, cancellation);
    }

    private static async Task ApplyAsync(IKubernetesClient client, string name, JsonObject wanted, CancellationToken cancellation)
    {
        var type = Core.CustomResourceDefinitions;
        while (true)
        {
            try
            {
                if (await client.FindAsync(type, new ObjectKey(null, name), cancellation) is not { } found)
                {
                    await client.CreateAsync(type, wanted.Deserialize(type.Json)!, cancellation);
                    return;
                }
                var known = JsonSerializer.SerializeToNode(found, type.Json)!.AsObject();
                if (Holds(known["spec"], wanted["spec"]) && Holds(known["metadata"]?["labels"], wanted["metadata"]?["labels"])
                    && Holds(known["metadata"]?["annotations"], wanted["metadata"]?["annotations"]))
                    return;
                var metadata = new JsonObject { ["resourceVersion"] = found.Metadata.ResourceVersion };
                foreach (var part in new[] { "labels", "annotations" })
                {
                    if (wanted["metadata"]?[part] is { } value)
                        metadata[part] = value.DeepClone();
                }
                await client.PatchAsync(type, found.Key, Patch.Merge(new JsonObject { ["metadata"] = metadata, ["spec"] = wanted["spec"]?.DeepClone() }), null, cancellation);
                return;
            }
            catch (KubernetesException error) when (error.IsConflict || error.IsAlreadyExists)
            {
                // Somebody else installs too, or the server wrote a condition: compare again with what is there now.
                cancellation.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>Everything wanted is there; what the server added by default doesn't matter. Schemas have no defaults and must be equal.</summary>
    private static bool Holds(JsonNode? known, JsonNode? wanted)
    {
        switch (wanted)
        {
            case null:
                return true;
            case JsonObject members:
                return known is JsonObject there && members.All(m => m.Key == "schema" ? JsonNode.DeepEquals(there[m.Key], m.Value) : m.Value is null || Holds(there[m.Key], m.Value));
            case JsonArray items:
                return known is JsonArray others && others.Count == items.Count && items.Select((item, i) => Holds(others[i], item)).All(h => h);
            default:
                return JsonNode.DeepEquals(known, wanted);
        }
    }

    private static async Task WaitAsync(IKubernetesClient client, HashSet<string> waiting, CancellationToken cancellation)
    {
        string? version = null;
        while (waiting.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                if (version is null)
                {
                    var list = await client.ListAsync(Core.CustomResourceDefinitions, new ListOptions(), cancellation);
                    foreach (var found in list.Items)
                        Check(found, waiting);
                    version = list.ResourceVersion;
                    continue;
                }
                var watch = new WatchOptions { ResourceVersion = version, Timeout = TimeSpan.FromMinutes(1) };
                await foreach (var change in client.WatchAsync(Core.CustomResourceDefinitions, watch, cancellation))
                {
                    version = change.ResourceVersion ?? version;
                    if (change.Object is { } found && change.Type is WatchEventType.Added or WatchEventType.Modified)
                        Check(found, waiting);
                    if (waiting.Count == 0)
                        return;
                }
            }
            catch (KubernetesException error) when (error.IsExpired)
            {
                version = null;
            }
        }
    }

    private static void Check(CustomResourceDefinition found, HashSet<string> waiting)
    {
        var name = found.Metadata.Name!;
        if (!waiting.Contains(name))
            return;
        if (found.Status?.Conditions?.Find(c => c is { Type: "NamesAccepted", Status: "False" }) is { } refused)
            throw new KubernetesException(409, refused.Reason, $"The names of {name} are not accepted: {refused.Message}");
        if (found.Is("Established"))
            waiting.Remove(name);
    }
}
