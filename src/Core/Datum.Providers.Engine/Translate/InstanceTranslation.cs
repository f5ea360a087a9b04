using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;
using Compute = Datum.Providers.Resources.Compute;

namespace Datum.Providers.Engine.Translate;

/// <summary>A network interface's place: the entries and prefixes that it uses.</summary>
public sealed record InterfacePlace(string NetworkEntry, ImmutableArray<string> SubnetEntries, ImmutableArray<string> Ranges);

/// <summary>What an Instance needs: its own spec, a spec for each data disk by slot, and findings that refuse it.</summary>
public sealed record InstanceWish(InstanceSpec? Spec, ImmutableDictionary<string, DiskSpec> Disks, ImmutableArray<Finding> Findings);

/// <summary>
/// From a Datum Instance to the contract's specs: a pure function of the instance, the capabilities and the config's maps.
/// Every field is honoured or becomes a finding (law L11).
/// </summary>
public static class InstanceTranslation
{
    private static readonly Dictionary<string, InstanceSize> DefaultSizes = new(StringComparer.Ordinal)
    {
        // Upstream's only instance type: 2 vCPU and 8 GiB.
        ["datumcloud/d1-standard-2"] = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 8192 },
    };

    /// <param name="diskEntry">The entry's name for a data disk's slot.</param>
    public static InstanceWish Translate(
        Compute.Instance instance, Capabilities capabilities, ProviderConfigSpec config, IReadOnlyList<InterfacePlace> places,
        JsonElement locationBlock, Func<string, string> diskEntry)
    {
        var findings = new List<Finding>();
        var spec = instance.Spec;
        var size = Size(spec.Runtime.Resources, config, findings);
        var ports = Ports(spec.Runtime);
        var (volumes, disks) = VolumeTranslation.Translate(spec, capabilities, diskEntry, findings);

        SandboxSpec? sandbox = null;
        MachineSpec? machine = null;
        if (spec.Runtime.Sandbox is { } s && spec.Runtime.VirtualMachine is null)
            sandbox = ContainerTranslation.Sandbox(s, capabilities, findings);
        else if (spec.Runtime.VirtualMachine is { } v && spec.Runtime.Sandbox is null)
            machine = Machine(v, instance, capabilities, findings);
        else
            findings.Add(new Finding { Path = "spec.runtime", Message = "Exactly one of sandbox and virtualMachine must be set." });
        if (spec.Runtime.Class is { Length: > 0 } runtimeClass)
            findings.Add(new Finding { Path = "spec.runtime.class", Message = $"Runtime class '{runtimeClass}' is not supported yet; leave it out.", Capability = "runtimeClass" });

        var interfaces = Interfaces(spec, capabilities, places, ports, instance.Metadata.Namespace, findings);
        UnknownMembers.Refuse(spec, findings);
        AttachedVolumes(spec, findings);
        if (instance.Metadata.Annotation(Annotations.Suspended) is { } suspended and not ("true" or "false"))
            findings.Add(new Finding { Path = $"metadata.annotations[{Annotations.Suspended}]", Message = $"'{suspended}' must be \"true\" or \"false\"." });

        var wish = findings.Count > 0 || size is null ? null : new InstanceSpec
        {
            Hostname = instance.Metadata.Name!,
            Size = size,
            Sandbox = sandbox,
            Machine = machine,
            Interfaces = interfaces,
            Volumes = volumes,
            Labels = UserLabels(instance),
            LocationJson = locationBlock.ValueKind is JsonValueKind.Object ? locationBlock.GetRawText() : null,
            RestartedAt = instance.Metadata.Annotation(Annotations.RestartedAt),
            Suspended = IsSuspended(instance),
            TerminationGraceSeconds = Grace(instance, findings),
        };
        return new InstanceWish(findings.Count > 0 || wish is null ? null : PayloadHashes.Apply(wish, instance.Metadata), disks, [.. findings]);
    }

    /// <summary>By annotation, or by <c>status.suspended</c> on planes that have it.</summary>
    public static bool IsSuspended(Compute.Instance instance) => instance.Metadata.Annotation(Annotations.Suspended) == "true"
        || (instance.Status?.Unknown?.TryGetValue("suspended", out var value) == true && value.ValueKind is JsonValueKind.True);

    private static InstanceSize? Size(Compute.InstanceResources resources, ProviderConfigSpec config, List<Finding> findings)
    {
        var type = resources.InstanceType;
        if (resources.Requests is { Count: > 0 })
            findings.Add(new Finding { Path = "spec.runtime.resources.requests", Message = "Requests beside an instance type are not supported; choose another instance type." });
        InstanceSize? size = DefaultSizes.GetValueOrDefault(type);
        if (config.InstanceTypes?.GetValueOrDefault(type) is { } mapped)
        {
            var cpu = size?.CpuMillis;
            if (mapped.Cpu is { } text)
            {
                if (!Quantity.TryParse(text, out var quantity, out var error))
                {
                    findings.Add(new Finding { Path = "spec.runtime.resources.instanceType", Message = $"ProviderConfig instanceTypes[{type}].cpu: {error}" });
                    return null;
                }
                cpu = (int)quantity.ToMilli();
            }
            var memory = mapped.MemoryMiB is { } m ? (int)m : size?.MemoryMiB;
            if (cpu is null || memory is null)
            {
                findings.Add(new Finding { Path = "spec.runtime.resources.instanceType", Message = $"ProviderConfig instanceTypes[{type}] needs cpu and memoryMiB." });
                return null;
            }
            size = new InstanceSize { InstanceType = type, CpuMillis = cpu.Value, MemoryMiB = memory.Value, Native = mapped.Native };
        }
        if (size is null)
            findings.Add(new Finding
            {
                Path = "spec.runtime.resources.instanceType",
                Message = $"Instance type '{type}' is unknown at this Location; known are {string.Join(", ", DefaultSizes.Keys.Union(config.InstanceTypes?.Keys ?? Enumerable.Empty<string>()).Order(StringComparer.Ordinal))}. "
                    + "Use one of them, or ask the platform operator to add it to spec.instanceTypes of the ProviderConfig.",
                Capability = "instanceTypes",
            });
        return size;
    }

    private static MachineSpec? Machine(Compute.VirtualMachineRuntime machine, Compute.Instance instance, Capabilities capabilities, List<Finding> findings)
    {
        if (!capabilities.VirtualMachines)
        {
            findings.Add(new Finding { Path = "spec.runtime.virtualMachine", Message = "The platform of this Location runs no virtual machines; use a sandbox or another Location.", Capability = "virtualMachines" });
            return null;
        }
        if (machine.VolumeAttachments.Count == 0)
        {
            findings.Add(new Finding { Path = "spec.runtime.virtualMachine.volumeAttachments", Message = "The first attachment must be the boot disk." });
            return null;
        }
        var keys = instance.Metadata.Annotation(Annotations.SshKeys)?.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
        if (keys.Length == 0)
            findings.Add(new Finding { Path = $"metadata.annotations[{Annotations.SshKeys}]", Message = "A virtual machine needs at least one line user:public-key." });
        return new MachineSpec
        {
            BootVolume = machine.VolumeAttachments[0].Name,
            SshKeys = [.. keys],
            Ports = [.. (machine.Ports ?? []).Select(Port)],
            Mounts = [.. machine.VolumeAttachments.Skip(1).Select(a => new MountSpec { Volume = a.Name, Path = a.MountPath })],
        };
    }

    private static ImmutableArray<InterfaceSpec> Interfaces(
        Compute.InstanceSpec spec, Capabilities capabilities, IReadOnlyList<InterfacePlace> places, List<PortSpec> ports, string? ns, List<Finding> findings)
    {
        if (spec.NetworkInterfaces.Count == 0)
            findings.Add(new Finding { Path = "spec.networkInterfaces", Message = "At least one interface is needed." });
        if (spec.NetworkInterfaces.Count > capabilities.MaxInterfaces)
            findings.Add(new Finding
            {
                Path = "spec.networkInterfaces", Capability = "maxInterfaces",
                Message = $"{spec.NetworkInterfaces.Count} interfaces are asked for; the platform takes {capabilities.MaxInterfaces}.",
            });
        var result = ImmutableArray.CreateBuilder<InterfaceSpec>();
        for (var i = 0; i < Math.Min(spec.NetworkInterfaces.Count, places.Count); i++)
        {
            if (spec.NetworkInterfaces[i].Network.Namespace is { Length: > 0 } other && other != ns)
                findings.Add(new Finding
                {
                    Path = $"spec.networkInterfaces[{i}].network.namespace", Capability = "network.namespace",
                    Message = $"A Network of another namespace ('{other}') can't be used: nobody checks yet whether it may be.",
                });
            // No policy allows nothing from outside, as on upstream's platform; so does a policy without rules.
            var rules = IngressRules.Normalize(spec.NetworkInterfaces[i].NetworkPolicy?.Ingress ?? [], ports, $"spec.networkInterfaces[{i}].networkPolicy.ingress", findings);
            if (capabilities.Firewall is FirewallScope.None && rules.Length > 0)
                findings.Add(new Finding
                {
                    Path = $"spec.networkInterfaces[{i}].networkPolicy", Capability = "firewall",
                    Message = "The platform of this Location can't enforce ingress rules.",
                });
            result.Add(new InterfaceSpec
            {
                Name = $"eth{i}",
                Network = new Reference { Name = places[i].NetworkEntry },
                Subnets = [.. places[i].SubnetEntries.Select(n => new Reference { Name = n })],
                Ranges = places[i].Ranges,
                Ingress = capabilities.Firewall is FirewallScope.Instance or FirewallScope.Guest ? rules : null,
            });
        }
        return result.ToImmutable();
    }

    private static List<PortSpec> Ports(Compute.InstanceRuntime runtime) =>
        [.. (runtime.Sandbox?.Containers.SelectMany(c => c.Ports ?? []) ?? runtime.VirtualMachine?.Ports ?? []).Select(Port)];

    internal static PortSpec Port(Compute.NamedPort port) => new() { Name = port.Name, Port = port.Port, Protocol = port.Protocol ?? "TCP" };

    /// <summary>Every attachment names a volume, and a machine boots from a disk.</summary>
    private static void AttachedVolumes(Compute.InstanceSpec spec, List<Finding> findings)
    {
        Compute.InstanceVolume? Volume(string name) => spec.Volumes?.Find(v => v.Name == name);
        foreach (var container in spec.Runtime.Sandbox?.Containers ?? [])
            foreach (var attachment in container.VolumeAttachments ?? [])
                if (Volume(attachment.Name) is null)
                    findings.Add(new Finding { Path = $"spec.runtime.sandbox.containers[{container.Name}].volumeAttachments[{attachment.Name}]", Message = "There is no such volume." });
        var attachments = spec.Runtime.VirtualMachine?.VolumeAttachments ?? [];
        for (var i = 0; i < attachments.Count; i++)
            if (Volume(attachments[i].Name) is not { } volume || (i == 0 && volume.Disk?.Template.Spec.Populator?.Image is null))
                findings.Add(new Finding
                {
                    Path = $"spec.runtime.virtualMachine.volumeAttachments[{attachments[i].Name}]",
                    Message = i == 0 ? "The first attachment must be a disk with an image." : "There is no such volume.",
                });
    }

    private static int? Grace(Compute.Instance instance, List<Finding> findings)
    {
        if (instance.Metadata.Annotation(Annotations.TerminationGrace) is not { } text)
            return null;
        if (GoDuration.TryParse(text, out var grace, out var error))
            return (int)Math.Ceiling(grace.TotalSeconds);
        findings.Add(new Finding { Path = $"metadata.annotations[{Annotations.TerminationGrace}]", Message = error });
        return null;
    }

    private static ImmutableDictionary<string, string> UserLabels(Compute.Instance instance) =>
        (instance.Metadata.Labels ?? []).Where(l => !l.Key.Contains("datumapis.com/", StringComparison.Ordinal)).ToImmutableDictionary();
}
