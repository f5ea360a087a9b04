using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Datum.Providers.Drivers.Vsphere.Instances;

/// <summary>
/// What only a new guest can honour, kept beside it in extraConfig, from which drift is computed field by field. Plain values are shown; values
/// that begin with <c>#</c> are hashes. Contents of payloads never enter, only their keyed hashes. A field that an older driver didn't write is
/// no drift.
/// </summary>
internal static class Fingerprint
{
    private const string Guest = "guest";

    public static SortedDictionary<string, string> Of(InstanceSpec spec, GuestOptions options)
    {
        var fields = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["hostname"] = spec.Hostname,
            ["size"] = string.Create(CultureInfo.InvariantCulture, $"{spec.Size.CpuMillis}m/{spec.Size.MemoryMiB}Mi"),
            ["terminationGraceSeconds"] = (spec.TerminationGraceSeconds ?? 30).ToString(CultureInfo.InvariantCulture),
            ["volumes"] = string.Join(';', spec.Volumes.Select(v => $"{v.Name}={v.Disk?.DeviceName}")),
            // Everything else that the bootstrap makes of the wish.
            [Guest] = "#" + GuestBootstrap.HashOf(spec, options)[..16],
        };
        // Rules live in the guest, which reads them when it is new.
        foreach (var nic in spec.Interfaces)
            fields[$"interfaces[{nic.Name}].ingress"] = nic.Ingress is not { } rules ? "" : Hash(rules.Select(r => string.Create(CultureInfo.InvariantCulture, $"{r.Protocol}/{r.Port}-{r.EndPort}<{r.Source}")).Order(StringComparer.Ordinal).Prepend("rules"));
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

    public static string Write(SortedDictionary<string, string> fields) => JsonSerializer.Serialize(fields, SettingsJson.Default.SortedDictionaryStringString);

    /// <summary>Empty for what isn't one.</summary>
    public static SortedDictionary<string, string> Read(string? text)
    {
        try
        {
            return text is null ? [] : JsonSerializer.Deserialize(text, SettingsJson.Default.SortedDictionaryStringString) ?? [];
        }
        catch (JsonException)
        {
            return [];
        }
    }

    /// <summary>Adds a difference for each field that both sides have and that isn't the same.</summary>
    public static void Compare(SpecDiff diff, SortedDictionary<string, string> desired, SortedDictionary<string, string> actual, InstanceSpec spec)
    {
        var replace = false;
        foreach (var (field, wish) in desired)
        {
            if (field == Guest || !actual.TryGetValue(field, out var fact) || fact == wish)
                continue;
            // A machine gets more or less in place; the units' grace isn't worth a new one.
            var remedy = field switch { "size" => Remedy.InPlace, "terminationGraceSeconds" => Remedy.Unknown, _ => Remedy.Replace };
            replace |= remedy == Remedy.Replace;
            if (wish.StartsWith('#'))
                diff.Secret(field, wish, fact, remedy);
            else
                diff.Text(field, wish, fact, remedy);
        }

        var graceAlone = desired.GetValueOrDefault("terminationGraceSeconds") != actual.GetValueOrDefault("terminationGraceSeconds", desired.GetValueOrDefault("terminationGraceSeconds", ""));
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

    private static string Ports(ImmutableArray<PortSpec> ports) => string.Join(',', ports.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Name}:{p.Port}/{p.Protocol}")));

    private static string Mounts(ImmutableArray<MountSpec> mounts) => string.Join(',', mounts.Select(m => $"{m.Volume}:{m.Path}:{m.ReadOnly}"));

    private static string Show(PayloadReference? payload) => payload is null ? "" : (payload.Secret ? "secret/" : "configmap/") + payload.Name;

    private static string Hash(IEnumerable<string> parts) => Hash(string.Join('\0', parts));

    private static string Hash(string text) => "#" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
}
