using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>
/// What only a new guest can honour, as fields that a driver keeps beside the instance (metadata, notes), from which drift is computed field by
/// field. Plain values are shown; values that begin with <c>#</c> are hashes. Contents of payloads never enter, only their keyed hashes.
/// </summary>
public static class GuestFingerprint
{
    // What the bootstrap makes of the wish beyond the fields that are told apart.
    private const string Guest = "guest";
    private const string Grace = "terminationGraceSeconds";

    /// <summary>The fields of a wish; with <see cref="FirewallScope.Guest"/> those of ingress rules too.</summary>
    public static SortedDictionary<string, string> Of(InstanceSpec spec, GuestOptions options)
    {
        var fields = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["hostname"] = spec.Hostname,
            ["size"] = string.Create(CultureInfo.InvariantCulture, $"{spec.Size.CpuMillis}m/{spec.Size.MemoryMiB}Mi"),
            [Grace] = (spec.TerminationGraceSeconds ?? 30).ToString(CultureInfo.InvariantCulture),
            ["volumes"] = string.Join(';', spec.Volumes.Select(v => $"{v.Name}={v.Disk?.DeviceName}")),
            [Guest] = "#" + GuestBootstrap.HashOf(spec, options)[..16],
        };
        // Elsewhere the rules are the platform's, which changes them in place.
        if (options.Firewall == FirewallScope.Guest)
            foreach (var nic in spec.Interfaces)
                fields[$"interfaces[{nic.Name}].ingress"] = nic.Ingress is not { } rules ? "" : Hash(rules.Select(Rule).Order(StringComparer.Ordinal).Prepend("rules"));
        foreach (var volume in spec.Volumes)
        {
            if (volume.Disk is { } disk)
            {
                fields[$"volumes[{volume.Name}].disk"] = Hash($"{disk.Disk?.Name}:{disk.Image}:{disk.SizeGiB}:{disk.Type}:{disk.Filesystem}:{disk.DeviceName}");
            }
            else if (volume.Files is { } files)
            {
                fields[$"volumes[{volume.Name}].files"] = Hash($"{Show(files.Payload)}:{files.Mode}:{string.Join(',', files.Items.Select(i => $"{i.Key}>{i.Path}>{i.Mode}"))}");
                AddPayload(fields, $"volumes[{volume.Name}].files.payload", files.Payload);
            }
        }

        if (spec.Machine is { } machine)
            fields["machine"] = Hash($"{machine.BootVolume}|{string.Join('\n', machine.SshKeys)}|{Ports(machine.Ports)}|{Mounts(machine.Mounts)}");
        if (spec.Sandbox is not { } sandbox)
            return fields;
        fields["sandbox.containers"] = string.Join(',', sandbox.Containers.Select(c => c.Name));
        foreach (var secret in sandbox.PullSecrets)
            AddPayload(fields, $"sandbox.pullSecrets[{secret.Name}]", secret);
        foreach (var container in sandbox.Containers)
            Add(fields, container);
        return fields;
    }

    /// <summary>As a JSON object of texts.</summary>
    public static string Write(SortedDictionary<string, string> fields)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            foreach (var (field, value) in fields)
                json.WriteString(field, value);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    /// <summary>What <see cref="Write"/> wrote; empty for what isn't that, as people may have changed it.</summary>
    public static SortedDictionary<string, string> Read(string? text)
    {
        var fields = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (text is null)
            return fields;
        try
        {
            using var document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return [];
            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (member.Value.ValueKind != JsonValueKind.String)
                    return [];
                fields[member.Name] = member.Value.GetString()!;
            }
            return fields;
        }
        // A lone surrogate is no text.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return [];
        }
    }

    /// <summary>Whether a field is one of the few that are kept where there isn't room for all; the rest of the wish is in one hash of these.</summary>
    public static bool IsCoarse(string field) => field is Guest or "hostname" or "size" or Grace or "volumes" or "sandbox.containers";

    /// <summary>
    /// Adds a difference for each field that both sides have and that isn't the same. One that an older driver didn't write is none.
    /// <paramref name="size"/>: what brings another size.
    /// </summary>
    public static void Compare(SpecDiff diff, SortedDictionary<string, string> desired, SortedDictionary<string, string> actual, InstanceSpec spec, Remedy size = Remedy.Replace)
    {
        var replace = false;
        foreach (var (field, wish) in desired)
        {
            if (field == Guest || !actual.TryGetValue(field, out var fact) || fact == wish)
                continue;
            // The grace of the guest's units isn't worth a new one.
            var remedy = field switch { "size" => size, Grace => Remedy.Unknown, _ => Remedy.Replace };
            replace |= remedy == Remedy.Replace;
            if (wish.StartsWith('#'))
                diff.Secret(field, wish, fact, remedy);
            else
                diff.Text(field, wish, fact, remedy);
        }

        var graceAlone = desired.GetValueOrDefault(Grace) != actual.GetValueOrDefault(Grace, desired.GetValueOrDefault(Grace, ""));
        // Hashes that one side hasn't read yet are no difference.
        if (!replace && !graceAlone && actual.TryGetValue(Guest, out var guest) && guest != desired[Guest] && GuestPayloads.References(spec).All(p => p.Hash is not null))
            diff.Add(spec.Sandbox is not null ? "sandbox" : "machine", Remedy.Replace);
    }

    private static void Add(SortedDictionary<string, string> fields, ContainerSpec container)
    {
        var path = $"sandbox.containers[{container.Name}]";
        fields[path + ".image"] = container.Image;
        fields[path + ".command"] = Hash(container.Command);
        fields[path + ".args"] = Hash(container.Args);
        fields[path + ".environment"] = Hash(container.Environment.Select(e => $"{e.Name}={e.Value}<{Show(e.From?.Payload)}/{e.From?.Key}/{e.From?.Optional}<{Show(e.AllOf)}"));
        fields[path + ".ports"] = Ports(container.Ports);
        fields[path + ".mounts"] = Mounts(container.Mounts);
        fields[path + ".limits"] = string.Create(CultureInfo.InvariantCulture, $"{container.Limits?.CpuMillis}m/{container.Limits?.MemoryMiB}Mi");
        foreach (var variable in container.Environment)
            if ((variable.From?.Payload ?? variable.AllOf) is { } payload)
                AddPayload(fields, $"{path}.environment[{variable.Name}].payload", payload);
    }

    private static void AddPayload(SortedDictionary<string, string> fields, string path, PayloadReference payload)
    {
        if (payload.Hash is { } hash)
            fields[path] = Hash(hash);
    }

    private static string Rule(IngressRule rule) => string.Create(CultureInfo.InvariantCulture, $"{rule.Protocol}/{rule.Port}-{rule.EndPort}<{rule.Source}");

    private static string Ports(ImmutableArray<PortSpec> ports) => string.Join(',', ports.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Name}:{p.Port}/{p.Protocol}")));

    private static string Mounts(ImmutableArray<MountSpec> mounts) => string.Join(',', mounts.Select(m => $"{m.Volume}:{m.Path}:{m.ReadOnly}"));

    private static string Show(PayloadReference? payload) => payload is null ? "" : (payload.Secret ? "secret/" : "configmap/") + payload.Name;

    private static string Hash(IEnumerable<string> parts) => Hash(string.Join('\0', parts));

    private static string Hash(string text) => "#" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
}
