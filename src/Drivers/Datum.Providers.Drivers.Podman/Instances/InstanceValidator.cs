using System.Net;

namespace Datum.Providers.Drivers.Podman.Instances;

/// <summary>Names what an instance can't have here (law L11). Pure.</summary>
internal static class InstanceValidator
{
    // The kernel's.
    private const int MaxHostname = 64;

    public static ImmutableArray<Finding> Validate(InstanceSpec spec, Connection connection, string? firewallUnavailable)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        void Refuse(string path, string message, string? capability = null, bool tolerated = false) =>
            findings.Add(new Finding { Path = path, Message = message, Capability = capability, Tolerated = tolerated });

        if (spec.Machine is not null)
            Refuse("machine", "Podman runs containers, no machines.", "virtualMachines");
        if (spec is { Sandbox: null, Machine: null })
            Refuse("sandbox", "An instance needs containers.");
        if (!IsHostname(spec.Hostname))
            Refuse("hostname", $"'{spec.Hostname}' is no host name: labels of letters, digits and '-', {MaxHostname} characters at most.");
        Interfaces(spec, connection, firewallUnavailable, Refuse);
        Volumes(spec, Refuse);
        if (spec.Sandbox is not { } sandbox)
            return findings.ToImmutable();
        if (sandbox.Containers.Length is 0 or > PodmanDescriptor.MaxContainers)
            Refuse("sandbox.containers", $"A pod takes 1 to {PodmanDescriptor.MaxContainers} containers.", "maxContainers");
        if (sandbox.Containers.Select(c => c.Name).Distinct(StringComparer.Ordinal).Count() != sandbox.Containers.Length)
            Refuse("sandbox.containers", "Two containers have one name.");
        foreach (var container in sandbox.Containers)
            Container(spec, connection, container, Refuse);
        return findings.ToImmutable();
    }

    private static bool IsHostname(string name) => name.Length <= MaxHostname && name.Split('.').All(label =>
        label.Length is > 0 and <= 63 && label[0] != '-' && label[^1] != '-' && label.All(c => char.IsAsciiLetterOrDigit(c) || c == '-'));

    private static void Interfaces(InstanceSpec spec, Connection connection, string? firewallUnavailable, Action<string, string, string?, bool> refuse)
    {
        if (spec.Interfaces.Length != 1)
            refuse("interfaces", "A pod has exactly one interface.", "maxInterfaces", false);
        foreach (var network in spec.Interfaces)
        {
            var path = $"interfaces[{network.Name}]";
            // The kernel takes more, but settings are paths with the name in them: a dot or a slash names another one.
            if (network.Name.Length is 0 or > 15 || network.Name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_')) || network.Name is "lo")
                refuse(path, $"'{network.Name}' can't be the name of a network interface: 1 to 15 letters, digits, '-' and '_', not lo.", null, false);
            if (network.Network is null)
                refuse($"{path}.network", "A pod's interface needs a network.", null, false);
            if (!network.Firewalls.IsEmpty)
                refuse($"{path}.firewalls", "Firewalls aren't objects of their own here; rules come with the interface.", "firewall", false);
            if (network.Addresses.Any(a => !IPAddress.TryParse(a, out _)))
                refuse($"{path}.addresses", "One of the addresses is none.", null, false);
            if (network.Ingress is not { } rules)
                continue;
            if (firewallUnavailable is not null)
                refuse($"{path}.ingress", $"{firewallUnavailable} allowUnenforcedPolicies in the ProviderConfig accepts that.", "firewall", connection.AllowUnenforcedPolicies);
            for (var i = 0; i < rules.Length; i++)
                Rule(rules[i], $"{path}.ingress[{i}]", refuse);
        }
    }

    private static void Rule(IngressRule rule, string path, Action<string, string, string?, bool> refuse)
    {
        if (rule.Protocol is not (null or "TCP" or "UDP" or "SCTP"))
            refuse($"{path}.protocol", $"'{rule.Protocol}' is none of TCP, UDP and SCTP.", null, false);
        if (!Cidr.TryParse(rule.Source, out _))
            refuse($"{path}.source", $"'{rule.Source}' is no address range.", null, false);
        if (rule.Port is < 1 or > 65535 || rule.EndPort is < 1 or > 65535 || rule.EndPort < rule.Port || (rule.EndPort is not null && rule.Port is null))
            refuse($"{path}.port", "Ports are 1 to 65535, the last not before the first.", null, false);
    }

    private static void Volumes(InstanceSpec spec, Action<string, string, string?, bool> refuse)
    {
        if (spec.Volumes.Count(v => v.Disk is not null) > PodmanDescriptor.MaxDataDisks)
            refuse("volumes", $"A pod takes {PodmanDescriptor.MaxDataDisks} disks at most.", "maxDataDisks", false);
        foreach (var volume in spec.Volumes)
        {
            var path = $"volumes[{volume.Name}]";
            if (volume.Disk is { } disk)
            {
                if (disk.Image is not null)
                    refuse($"{path}.disk.image", "Containers have no disks made from an image.", "virtualMachines", false);
                else if (disk.Disk is null)
                    refuse($"{path}.disk", "The volume names no data disk.", null, false);
            }
            else if (volume.Files is { } files)
            {
                foreach (var item in files.Items)
                    if (item.Path.Length == 0 || item.Path.StartsWith('/') || item.Path.Split('/').Contains(".."))
                        refuse($"{path}.files.items[{item.Key}].path", $"'{item.Path}' isn't a relative path inside the volume.", null, false);
                if (files.Items.Any(i => i.Mode is < 0 or > 0b111_111_111) || files.Mode is < 0 or > 0b111_111_111)
                    refuse($"{path}.files.mode", "File modes are 0 to 0777.", null, false);
            }
            else
            {
                refuse(path, "A volume is a disk or files.", null, false);
            }
        }
    }

    private static void Container(InstanceSpec spec, Connection connection, ContainerSpec container, Action<string, string, string?, bool> refuse)
    {
        var path = $"sandbox.containers[{container.Name}]";
        if (container.Name.Length is 0 or > 63 || container.Name.Any(c => c is not ((>= 'a' and <= 'z') or (>= '0' and <= '9') or '-')))
            refuse(path, $"'{container.Name}' is no DNS label.", null, false);
        if (Session.ImageOf(connection, container) is null)
            refuse($"{path}.image", connection.Images.TryGetValue(container.Image, out var mapped)
                ? $"'{mapped}', which the ProviderConfig's images have for '{container.Image}', is no image reference." : $"'{container.Image}' is no image reference.", null, false);
        foreach (var (name, texts) in (ReadOnlySpan<(string, ImmutableArray<string>)>)[("command", container.Command), ("args", container.Args)])
            if (texts.Any(t => t.Contains('\0', StringComparison.Ordinal)))
                refuse($"{path}.{name}", "A zero byte ends an argument.", null, false);
        if (container.Limits is { MemoryMiB: <= 0 } or { CpuMillis: <= 0 })
            refuse($"{path}.limits", "Limits are above zero.", null, false);
        foreach (var variable in container.Environment)
            if ((variable.Name.Length == 0 && variable.AllOf is null) || variable.Name.Contains('=', StringComparison.Ordinal) || variable.Name.Contains('\0', StringComparison.Ordinal)
                || variable.Value?.Contains('\0', StringComparison.Ordinal) == true)
                refuse($"{path}.env[{variable.Name}]", "That can't be a variable.", null, false);
        foreach (var mount in container.Mounts)
        {
            var volume = spec.Volumes.FirstOrDefault(v => v.Name == mount.Volume);
            if (volume is null)
                refuse($"{path}.mounts[{mount.Volume}]", "There is no such volume.", null, false);
            else if (mount.Path is null)
                refuse($"{path}.mounts[{mount.Volume}].path", "A Podman volume is a directory; a container can't have it as a device.", "blockDevices", false);
            else if (!mount.Path.StartsWith('/') || mount.Path.Contains(':', StringComparison.Ordinal) || mount.Path.TrimEnd('/').Length == 0 || mount.Path.Split('/').Contains(".."))
                refuse($"{path}.mounts[{mount.Volume}].path", $"'{mount.Path}' is no absolute path below the root.", null, false);
        }
    }
}
