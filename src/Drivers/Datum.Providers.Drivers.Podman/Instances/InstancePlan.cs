using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

/// <summary>What the parts and steps of an instance are called.</summary>
internal static class InstanceParts
{
    public const string Pod = "pod";
    public const string Sandbox = "sandbox";
    public const string Firewall = "firewall";
    public const string Payload = "payload";
    public const string Start = "start";
    public const string Stop = "stop";
    public const string StopNow = "stop-now";
    public const string Suspend = "suspend";
    public const string SuspendNow = "suspend-now";

    private const string ContainerPrefix = "container-";

    /// <summary>Label that holds <see cref="ContainerSpec.Name"/>.</summary>
    public const string ContainerLabel = "datum-container";

    /// <summary>Label that holds the fingerprint that drift is computed from.</summary>
    public const string SpecLabel = "datum-spec";

    /// <summary>Label of a pod: the thousandths of a processor that its quota gives; absent without a quota. Listings show labels and no limits.</summary>
    public const string CpuLabel = "datum-cpu";

    public static string Container(string name) => Named(ContainerPrefix, name);

    /// <summary>Whether a part is a container's.</summary>
    public static bool IsContainer(string? part) => part?.StartsWith(ContainerPrefix, StringComparison.Ordinal) == true;

    public static string Image(string name) => Named("image-", name);

    /// <summary>The key under <see cref="Identity.Resolved"/> that holds a container's image id.</summary>
    public static string ResolvedImage(string name) => $"image.{name}";

    // A step's name has 40 characters, a container's may have 63.
    private static string Named(string prefix, string name) =>
        prefix.Length + name.Length <= 40 ? prefix + name
        : string.Concat(prefix, name.AsSpan(0, 20), "-", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name))).AsSpan(0, 8));
}

/// <summary>
/// Fingerprints of what was wished for, kept in labels, from which drift is computed field by field. Plain values are shown; values that
/// begin with <c>#</c> are hashes. Contents of payloads never enter, only their keyed hashes. A field that an older driver didn't write is no drift.
/// </summary>
internal static class Fingerprint
{
    public static SortedDictionary<string, string> OfPod(InstanceSpec spec) => new(StringComparer.Ordinal)
    {
        ["hostname"] = spec.Hostname,
        ["size"] = string.Create(CultureInfo.InvariantCulture, $"{spec.Size.CpuMillis}m/{spec.Size.MemoryMiB}Mi"),
        ["interfaces"] = string.Join(';', spec.Interfaces.Select(i => $"{i.Name}={i.Network?.Name}")),
        ["containers"] = string.Join(',', (spec.Sandbox?.Containers ?? []).Select(c => c.Name).Order(StringComparer.Ordinal)),
        ["restartedAt"] = spec.RestartedAt ?? "",
        ["terminationGraceSeconds"] = Grace(spec).ToString(CultureInfo.InvariantCulture),
    };

    public static SortedDictionary<string, string> OfContainer(InstanceSpec spec, ContainerSpec container)
    {
        var volumes = spec.Volumes.Where(v => container.Mounts.Any(m => m.Volume == v.Name)).ToList();
        return new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["image"] = ImageReference.Normalize(container.Image) ?? container.Image,
            ["command"] = Hash(container.Command),
            ["args"] = Hash(container.Args),
            ["env"] = Hash(container.Environment.Select(e => $"{e.Name}={e.Value}<{Show(e.From?.Payload)}/{e.From?.Key}/{e.From?.Optional}<{Show(e.AllOf)}")),
            ["mounts"] = Hash(container.Mounts.Select(m => $"{m.Volume}:{m.Path}:{m.ReadOnly}")
                .Concat(volumes.Select(v => $"{v.Name}:{v.Disk?.Disk?.Name}:{Show(v.Files?.Payload)}:{v.Files?.Mode}:{string.Join(',', (v.Files?.Items ?? []).Select(i => $"{i.Key}>{i.Path}>{i.Mode}"))}"))),
            ["limits"] = string.Create(CultureInfo.InvariantCulture, $"{container.Limits?.CpuMillis}m/{container.Limits?.MemoryMiB}Mi"),
            ["payloads"] = string.Join(';', PayloadsOf(spec, container).Where(p => p.Hash is not null).Select(p => $"{Show(p)}={p.Hash}").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)),
        };
    }

    /// <summary>Every payload that a container names, whether in its environment or in its files.</summary>
    public static IEnumerable<PayloadReference> PayloadsOf(InstanceSpec spec, ContainerSpec container)
    {
        foreach (var variable in container.Environment)
        {
            if (variable.From is { } from)
                yield return from.Payload;
            if (variable.AllOf is { } all)
                yield return all;
        }

        foreach (var volume in spec.Volumes)
            if (volume.Files is { } files && container.Mounts.Any(m => m.Volume == volume.Name))
                yield return files.Payload;
    }

    public static int Grace(InstanceSpec spec) => Math.Clamp(spec.TerminationGraceSeconds ?? 30, 0, 3600);

    public static string Write(SortedDictionary<string, string> fields) =>
        JsonSerializer.Serialize(fields, LibpodJson.Default.SortedDictionaryStringString);

    public static SortedDictionary<string, string> Read(IReadOnlyDictionary<string, string>? labels)
    {
        if (labels is null || !labels.TryGetValue(InstanceParts.SpecLabel, out var text))
            return [];
        try
        {
            return JsonSerializer.Deserialize(text, LibpodJson.Default.SortedDictionaryStringString) ?? [];
        }
        catch (JsonException)
        {
            return [];
        }
    }

    /// <summary>Adds a difference for each field that both sides have and that isn't the same.</summary>
    public static void Compare(SpecDiff diff, string prefix, SortedDictionary<string, string> desired, SortedDictionary<string, string> actual)
    {
        foreach (var (field, wish) in desired)
        {
            if (!actual.TryGetValue(field, out var fact))
                continue;
            if (field == "payloads")
                ComparePayloads(diff, prefix, wish, fact);
            else if (wish.StartsWith('#'))
                diff.Secret(prefix + field, wish, fact, Remedy.Replace);
            else
                // The grace is fixed in each container when it is made, and no reason to replace what runs well.
                diff.Text(prefix + field, wish, fact, field == "terminationGraceSeconds" ? Remedy.Unknown : Remedy.Replace);
        }
    }

    // Hashes that one side hasn't read yet are no difference.
    private static void ComparePayloads(SpecDiff diff, string prefix, string desired, string actual)
    {
        var facts = Split(actual);
        foreach (var (payload, hash) in Split(desired))
            if (facts.TryGetValue(payload, out var old) && old != hash)
                diff.Secret($"{prefix}payloads[{payload}]", hash, old, Remedy.Replace);
    }

    private static Dictionary<string, string> Split(string text) => text.Split(';', StringSplitOptions.RemoveEmptyEntries)
        .Select(p => p.Split('=', 2)).Where(p => p.Length == 2)
        .GroupBy(p => p[0], StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First()[1], StringComparer.Ordinal);

    private static string Show(PayloadReference? payload) => payload is null ? "" : (payload.Secret ? "secret/" : "configmap/") + payload.Name;

    internal static string Hash(IEnumerable<string> parts) =>
        "#" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts))))[..16];
}
