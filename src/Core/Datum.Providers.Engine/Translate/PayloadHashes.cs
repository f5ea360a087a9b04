using System.Text.Json.Nodes;
using Datum.Providers.Resources;

namespace Datum.Providers.Engine.Translate;

/// <summary>
/// Gives the payloads of a spec the keyed hashes that the core controllers noted on the Instance. A payload without a note has none:
/// it is as it was when the instance was made.
/// </summary>
internal static class PayloadHashes
{
    private const int MaxHashLength = 64;

    public static InstanceSpec Apply(InstanceSpec spec, ObjectMeta instance)
    {
        if (Read(instance.Annotation(Annotations.PayloadVersions)) is not { Count: > 0 } hashes)
            return spec;
        return spec with
        {
            Sandbox = spec.Sandbox is not { } sandbox ? null : sandbox with
            {
                Containers = [.. sandbox.Containers.Select(c => c with { Environment = [.. c.Environment.Select(Variable)] })],
                PullSecrets = [.. sandbox.PullSecrets.Select(Payload)],
            },
            Volumes = [.. spec.Volumes.Select(v => v.Files is not { } files ? v : v with { Files = files with { Payload = Payload(files.Payload) } })],
        };

        EnvironmentVariable Variable(EnvironmentVariable variable) => variable with
        {
            From = variable.From is { } key ? key with { Payload = Payload(key.Payload) } : null,
            AllOf = variable.AllOf is { } all ? Payload(all) : null,
        };

        PayloadReference Payload(PayloadReference payload) =>
            hashes.TryGetValue($"{(payload.Secret ? "secret" : "configmap")}/{payload.Name}", out var hash) ? payload with { Hash = hash } : payload;
    }

    /// <summary>Whoever may write the Instance may write the note: what isn't a short word is no hash.</summary>
    private static Dictionary<string, string> Read(string? annotation)
    {
        var hashes = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            foreach (var (key, value) in annotation is null ? [] : JsonNode.Parse(annotation) as JsonObject ?? [])
                if (value is JsonValue text && text.TryGetValue<string>(out var hash) && hash.Length <= MaxHashLength && hash.All(char.IsAsciiLetterOrDigit))
                    hashes[key] = hash;
        }
        catch (JsonException)
        {
            return [];
        }
        return hashes;
    }
}
