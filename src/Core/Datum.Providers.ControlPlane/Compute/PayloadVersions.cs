using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>A config map or secret that a template names. Optional only when every mention says so.</summary>
public sealed record NamedPayload(string Name, bool Secret, bool Optional)
{
    /// <summary>e.g. <c>secret/tls</c>.</summary>
    public string Key => $"{(Secret ? "secret" : "configmap")}/{Name}";
}

/// <summary>
/// Keyed hashes of the config maps and secrets that a template names: the one at first sight and the one now. Only what differs from
/// first sight counts, so that switching the watch on, or back to the first content, replaces nothing by itself. No value is in it (law L12).
/// </summary>
public sealed class PayloadVersions
{
    private const int HashLength = 16;
    private const string Absent = "absent";

    private readonly SortedDictionary<string, (string First, string Now)> _versions = new(StringComparer.Ordinal);

    /// <summary>What the deployment's annotation remembers; empty for none, or for one that can't be read.</summary>
    public static PayloadVersions Of(WorkloadDeployment deployment)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        var result = new PayloadVersions();
        foreach (var (key, value) in Parse(deployment.Metadata.Annotation(Annotations.PayloadVersions)))
        {
            var hashes = value.Split(' ');
            result._versions[key] = (hashes[0], hashes[^1]);
        }

        return result;
    }

    /// <summary>What a template names, each once, ordered by key.</summary>
    public static IReadOnlyList<NamedPayload> NamedBy(InstanceSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return [.. All(spec).Where(p => p.Name.Length > 0).GroupBy(p => p.Key).Select(g => g.First() with { Optional = g.All(p => p.Optional) }).OrderBy(p => p.Key, StringComparer.Ordinal)];
    }

    /// <summary>Forgets what the template names no more.</summary>
    public void Keep(IEnumerable<NamedPayload> named)
    {
        var keys = named.Select(p => p.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in _versions.Keys.Where(k => !keys.Contains(k)).ToList())
            _versions.Remove(gone);
    }

    /// <param name="hash">Null when it isn't there. What is needed and isn't there changes nothing: what runs has it still.</param>
    public void See(NamedPayload payload, string? hash)
    {
        ArgumentNullException.ThrowIfNull(payload);
        if (hash is null && !payload.Optional)
            return;
        var now = hash ?? Absent;
        _versions[payload.Key] = (_versions.TryGetValue(payload.Key, out var known) ? known.First : now, now);
    }

    /// <summary>Null when nothing is remembered.</summary>
    public string? ToAnnotation() => Write(_versions.Select(v => KeyValuePair.Create(v.Key, v.Value.First == v.Value.Now ? v.Value.First : $"{v.Value.First} {v.Value.Now}")));

    /// <summary>What instances are told: the payloads that changed since first sight. Null when none did.</summary>
    public string? Changed() => Write(_versions.Where(v => v.Value.First != v.Value.Now).Select(v => KeyValuePair.Create(v.Key, v.Value.Now)));

    /// <summary>The template's hash, or one of it and the changed payloads.</summary>
    public string Hash(string templateHash) =>
        Changed() is { } changed ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{templateHash}\n{changed}")))[..HashLength] : templateHash;

    /// <summary>
    /// A hash of the contents, keyed by the object's UID: who may read instances but not the object can't try guesses of its values on it.
    /// An object that is deleted and made again has another one.
    /// </summary>
    public static string HashOf(string uid, IEnumerable<KeyValuePair<string, ReadOnlyMemory<byte>>> contents)
    {
        ArgumentNullException.ThrowIfNull(contents);
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(uid));
        foreach (var (key, value) in contents.OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            var name = Encoding.UTF8.GetBytes(key);
            mac.AppendData(BitConverter.GetBytes(name.Length));
            mac.AppendData(name);
            mac.AppendData(BitConverter.GetBytes(value.Length));
            mac.AppendData(value.Span);
        }

        return Convert.ToHexStringLower(mac.GetHashAndReset())[..HashLength];
    }

    private static string? Write(IEnumerable<KeyValuePair<string, string>> values)
    {
        var result = new JsonObject(values.Select(v => KeyValuePair.Create(v.Key, (JsonNode?)JsonValue.Create(v.Value))));
        return result.Count == 0 ? null : result.ToJsonString();
    }

    private static IEnumerable<KeyValuePair<string, string>> Parse(string? text)
    {
        try
        {
            return text is not null && JsonNode.Parse(text) is JsonObject map
                ? [.. map.Where(m => m.Value is JsonValue v && v.GetValueKind() == JsonValueKind.String).Select(m => KeyValuePair.Create(m.Key, m.Value!.GetValue<string>()))]
                : [];
        }
        catch (JsonException)
        {
            return [];
        }
    }

    private static IEnumerable<NamedPayload> All(InstanceSpec spec)
    {
        foreach (var secret in spec.Runtime.Sandbox?.ImagePullSecrets ?? [])
            yield return new(secret.Name, true, false);
        foreach (var container in spec.Runtime.Sandbox?.Containers ?? [])
        {
            foreach (var from in container.Env?.Select(e => e.ValueFrom).OfType<EnvironmentValueSource>() ?? [])
            {
                if (from.ConfigMapKeyRef is { } map)
                    yield return new(map.Name, false, map.Optional == true);
                if (from.SecretKeyRef is { } secret)
                    yield return new(secret.Name, true, secret.Optional == true);
            }

            foreach (var from in container.EnvFrom ?? [])
            {
                if (from.ConfigMapRef is { } map)
                    yield return new(map.Name, false, map.Optional == true);
                if (from.SecretRef is { } secret)
                    yield return new(secret.Name, true, secret.Optional == true);
            }
        }

        foreach (var volume in spec.Volumes ?? [])
        {
            if (volume.ConfigMap is { } map)
                yield return new(map.Name, false, map.Optional == true);
            if (volume.Secret is { } secret)
                yield return new(secret.SecretName ?? "", true, secret.Optional == true);
        }
    }
}
