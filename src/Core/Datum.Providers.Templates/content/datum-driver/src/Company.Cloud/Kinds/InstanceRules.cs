using System.Text.Json;

namespace Company_Cloud;

/// <summary>What can't be had here (DC-14, L11). A wish that is neither sent nor refused is the one mistake that a user can't find.</summary>
internal static class InstanceRules
{
    public static void Check(InstanceSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (ZoneOf(desired) is null)
            findings.Add(new Finding { Path = "location.zone", Message = "The Location's block must name a zone." });
        if (desired.Machine is not null)
            Refuse("machine", "virtualMachines", "This driver runs sandboxes, not machines.");
        else if (desired.Sandbox is null)
            findings.Add(new Finding { Path = "sandbox", Message = "An instance needs a sandbox." });
        foreach (var volume in desired.Volumes)
            Refuse($"volumes[{volume.Name}]", "volumes", "This driver attaches no volumes yet.");
        CheckInterfaces(desired);
        if (desired.Sandbox is { } sandbox)
            CheckSandbox(sandbox);

        void CheckInterfaces(InstanceSpec spec)
        {
            if (spec.Interfaces.Length != 1)
                Refuse("interfaces", "maxInterfaces", "A server has exactly one interface.");
            foreach (var nic in spec.Interfaces)
            {
                if (nic.Network is null)
                    findings.Add(new Finding { Path = $"interfaces[{nic.Name}].network", Message = "An interface needs a network." });
                if (nic.Addresses.Length > 0)
                    Refuse($"interfaces[{nic.Name}].addresses", "choosesAddress", "The platform chooses addresses itself.");
                if (nic.Firewalls.Length > 0)
                    Refuse($"interfaces[{nic.Name}].firewalls", "firewall", "Rules are the server's own here, not objects.");
            }
        }

        void CheckSandbox(SandboxSpec spec)
        {
            if (spec.Containers.Length is 0 or > Descriptor.MaxContainers)
                Refuse("sandbox.containers", "maxContainers", $"A server runs 1 to {Descriptor.MaxContainers} containers.");
            if (spec.PullSecrets.Length > 0)
                Refuse("sandbox.pullSecrets", "secrets", "This driver brings no secrets to the platform yet: images must be public.");
            foreach (var container in spec.Containers)
            {
                var path = $"sandbox.containers[{container.Name}]";
                foreach (var mount in container.Mounts)
                    Refuse($"{path}.mounts[{mount.Volume}]", "volumes", "This driver attaches no volumes yet.");
                foreach (var variable in container.Environment.Where(v => v.From is not null || v.AllOf is not null))
                    Refuse($"{path}.environment[{variable.Name}]", "secrets", "Variables from config maps and secrets aren't built yet; give a literal value.");
            }
        }

        void Refuse(string path, string capability, string message) =>
            findings.Add(new Finding { Path = path, Capability = capability, Message = message });
    }

    /// <summary>The zone of the location block as it was accepted; null when there is none.</summary>
    public static string? ZoneOf(ResourceSpec desired)
    {
        if (desired.LocationJson is not { Length: > 0 } json)
            return null;
        using var block = JsonDocument.Parse(json);
        return block.RootElement.TryGetProperty("zone", out var zone) && zone.GetString() is { Length: > 0 } text ? text : null;
    }

    /// <summary>What a container was told, as text to compare: without its image, which is compared by name, and without its state.</summary>
    public static string TextOf(CloudContainer container) => JsonSerializer.Serialize(container with
    {
        Image = "",
        Running = null,
        ExitCode = null,
        // What the platform leaves out and what was sent empty is the same (DC-75).
        Command = container.Command ?? [],
        Args = container.Args ?? [],
        Environment = container.Environment ?? ImmutableSortedDictionary<string, string>.Empty,
        Ports = container.Ports ?? [],
    }, CloudJson.Default.CloudContainer);
}
