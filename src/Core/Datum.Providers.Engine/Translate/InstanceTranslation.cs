using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Resources.Validation;
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
        var spec = instance.Spec;
        // What is wrong on every platform first; what this one lacks beside it.
        var findings = Violations(spec, instance.Metadata.Annotations, instance.Metadata.Namespace, TemplatePlace.Instance)
            .Where(v => v.Rule.Asked.HasFlag(Asked.Host)).Select(v => new Finding { Path = v.Field, Message = v.Message, Capability = v.Capability }).ToList();
        var size = Size(spec.Runtime.Resources, config, findings);
        var ports = Ports(spec.Runtime);
        var (volumes, disks) = VolumeTranslation.Translate(spec, capabilities, diskEntry, findings);

        SandboxSpec? sandbox = null;
        MachineSpec? machine = null;
        if (spec.Runtime.Sandbox is { } s && spec.Runtime.VirtualMachine is null)
            sandbox = ContainerTranslation.Sandbox(s, capabilities, findings);
        else if (spec.Runtime.VirtualMachine is { } v && spec.Runtime.Sandbox is null)
            machine = Machine(v, instance, capabilities, findings);
        var interfaces = Interfaces(spec, capabilities, places, ports, findings);

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
            TerminationGraceSeconds = Grace(instance),
        };
        return new InstanceWish(findings.Count > 0 || wish is null ? null : PayloadHashes.Apply(wish, instance.Metadata), disks, [.. findings]);
    }

    /// <summary>By annotation, or by <c>status.suspended</c> on planes that have it.</summary>
    public static bool IsSuspended(Compute.Instance instance) => instance.Metadata.Annotation(Annotations.Suspended) == "true"
        || (instance.Status?.Unknown?.TryGetValue("suspended", out var value) == true && value.ValueKind is JsonValueKind.True);

    /// <summary>What is wrong with a spec on every platform: the one set of rules that the webhook, <c>validate</c> and this translation ask.</summary>
    public static IReadOnlyList<Violation> Violations(Compute.InstanceSpec spec, IReadOnlyDictionary<string, string>? annotations, string? ns, TemplatePlace place)
    {
        var findings = new List<Finding>();
        var ports = Ports(spec.Runtime);
        for (var i = 0; i < spec.NetworkInterfaces.Count; i++)
            IngressRules.Normalize(spec.NetworkInterfaces[i].NetworkPolicy?.Ingress ?? [], ports, $"{place.Spec}.networkInterfaces[{i}].networkPolicy.ingress", findings);
        return [.. TemplateRules.Check(spec, annotations, ns, place), .. findings.Select(f => Rules.InterfaceIngress.At(f.Path, f.Message))];
    }

    private static InstanceSize? Size(Compute.InstanceResources resources, ProviderConfigSpec config, List<Finding> findings)
    {
        var type = resources.InstanceType;
        InstanceSize? size = DefaultSizes.GetValueOrDefault(type);
        if (config.InstanceTypes?.GetValueOrDefault(type) is { } mapped)
        {
            var cpu = size?.CpuMillis;
            if (mapped.Cpu is { } text)
            {
                if (!Quantity.TryParse(text, out var quantity, out var error))
                {
                    findings.Add(new Finding { Path = "spec.runtime.resources.instanceType", Message = $"ProviderConfig instanceTypes[{type}].cpu: {error}", Capability = "instanceTypes" });
                    return null;
                }
                cpu = (int)quantity.ToMilli();
            }
            var memory = mapped.MemoryMiB is { } m ? (int)m : size?.MemoryMiB;
            if (cpu is null || memory is null)
            {
                findings.Add(new Finding { Path = "spec.runtime.resources.instanceType", Message = $"ProviderConfig instanceTypes[{type}] needs cpu and memoryMiB.", Capability = "instanceTypes" });
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
            return null;
        var keys = instance.Metadata.Annotation(Annotations.SshKeys)?.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
        return new MachineSpec
        {
            BootVolume = machine.VolumeAttachments[0].Name,
            SshKeys = [.. keys],
            Ports = [.. (machine.Ports ?? []).Select(Port)],
            Mounts = [.. machine.VolumeAttachments.Skip(1).Select(a => new MountSpec { Volume = a.Name, Path = a.MountPath })],
        };
    }

    private static ImmutableArray<InterfaceSpec> Interfaces(
        Compute.InstanceSpec spec, Capabilities capabilities, IReadOnlyList<InterfacePlace> places, List<PortSpec> ports, List<Finding> findings)
    {
        if (spec.NetworkInterfaces.Count > capabilities.MaxInterfaces)
            findings.Add(new Finding
            {
                Path = "spec.networkInterfaces", Capability = "maxInterfaces",
                Message = $"{spec.NetworkInterfaces.Count} interfaces are asked for; the platform takes {capabilities.MaxInterfaces}.",
            });
        var result = ImmutableArray.CreateBuilder<InterfaceSpec>();
        for (var i = 0; i < Math.Min(spec.NetworkInterfaces.Count, places.Count); i++)
        {
            // No policy allows nothing from outside, as on upstream's platform; so does a policy without rules.
            var rules = IngressRules.Normalize(spec.NetworkInterfaces[i].NetworkPolicy?.Ingress ?? [], ports, "", []);
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

    private static int? Grace(Compute.Instance instance) =>
        instance.Metadata.Annotation(Annotations.TerminationGrace) is { } text && GoDuration.TryParse(text, out var grace, out _) ? (int)Math.Ceiling(grace.TotalSeconds) : null;

    private static ImmutableDictionary<string, string> UserLabels(Compute.Instance instance) =>
        (instance.Metadata.Labels ?? []).Where(l => !l.Key.Contains("datumapis.com/", StringComparison.Ordinal)).ToImmutableDictionary();
}
