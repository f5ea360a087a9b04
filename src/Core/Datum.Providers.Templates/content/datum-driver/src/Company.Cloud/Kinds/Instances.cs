namespace Company_Cloud;

/// <summary>A sandbox: containers on one server of the platform.</summary>
internal sealed class Instances(Collection<CloudServer> items) : Verbs<InstanceSpec, InstanceFacts, CloudServer>(ResourceKind.Instance, items)
{
    protected override void Validate(InstanceSpec desired, ImmutableArray<Finding>.Builder findings) => InstanceRules.Check(desired, findings);

    protected override CloudServer ToWish(InstanceSpec desired, Identity id, string name, ImmutableDictionary<string, string> labels)
    {
        var nic = desired.Interfaces.FirstOrDefault();
        return ToChange(desired) with
        {
            Name = name,
            Labels = labels,
            Description = id.Hint,
            Zone = InstanceRules.ZoneOf(desired),
            Hostname = desired.Hostname,
            Plan = desired.Size.Native,
            CpuMillis = desired.Size.CpuMillis,
            MemoryMiB = desired.Size.MemoryMiB,
            // DC-18: the host calls only when the network is ready, and has filled in its id.
            NetworkId = nic?.Network?.ProviderId,
            Interface = nic?.Name,
            AddressRanges = nic?.Ranges,
            Containers = [.. (desired.Sandbox?.Containers ?? []).Select(ToContainer)],
        };
    }

    // All of it every time: a repetition changes nothing more, and half a change can't be left behind.
    protected override CloudServer ToChange(InstanceSpec desired)
    {
        var ingress = desired.Interfaces.FirstOrDefault()?.Ingress;
        return new CloudServer
        {
            // No policy filters nothing, an empty one denies everything: two wishes that an empty list alone can't tell apart.
            Filtered = ingress is not null,
            Rules = [.. (ingress ?? []).Select(r => new CloudRule(r.Protocol, r.Port, r.EndPort ?? r.Port, r.Source))],
            PoweredOn = !desired.Suspended,
            RestartedAt = desired.RestartedAt,
            StopSeconds = desired.TerminationGraceSeconds,
        };
    }

    protected override InstanceFacts ToFacts(CloudServer item)
    {
        var running = item.State == "ready";
        return new InstanceFacts
        {
            PlatformState = item.State,
            Power = item.State switch
            {
                "starting" => PowerState.Starting,
                "ready" => PowerState.Running,
                "stopping" => PowerState.Stopping,
                "stopped" => PowerState.Stopped,
                _ => PowerState.Unknown,
            },
            Interfaces = [new InterfaceFacts { Name = item.Interface ?? "", NetworkAddresses = item.Address is { } address ? [address] : [] }],
            Containers = [.. (item.Containers ?? []).Select(c => new ContainerFacts
            {
                Name = c.Name,
                Running = running && c.Running == true,
                ExitCode = c.ExitCode,
                Reason = item.State == "starting" ? "Provisioning" : running && c.Running != true ? "InstanceCrashing" : null,
            })],
            PolicyEnforced = item.Filtered == true ? true : null,
        };
    }

    protected override SpecDiff Compare(InstanceSpec desired, CloudServer item)
    {
        // The comparison is made of the very message that would be sent, so that no field can be sent and then forgotten here.
        var wish = ToWish(desired, s_nobody, "", ImmutableDictionary<string, string>.Empty);
        var nic = desired.Interfaces.FirstOrDefault()?.Name;
        var diff = new SpecDiff()
            .Text("location.zone", wish.Zone, item.Zone, Remedy.Replace)
            .Text("hostname", wish.Hostname, item.Hostname, Remedy.Replace)
            .Text("size.native", wish.Plan, item.Plan, Remedy.Replace)
            .Number("size.cpuMillis", wish.CpuMillis, item.CpuMillis, Remedy.Replace)
            .Number("size.memoryMiB", wish.MemoryMiB, item.MemoryMiB, Remedy.Replace)
            .Text($"interfaces[{nic}].network", wish.NetworkId, item.NetworkId, Remedy.Replace)
            .Set($"interfaces[{nic}].ranges", wish.AddressRanges ?? [], item.AddressRanges ?? [], Remedy.Replace)
            .Flag($"interfaces[{nic}].ingress", wish.Filtered, item.Filtered, Remedy.InPlace)
            .Flag("suspended", desired.Suspended, item.PoweredOn == false, Remedy.InPlace)
            .Text("restartedAt", wish.RestartedAt, item.RestartedAt, Remedy.InPlace)
            .Number("terminationGraceSeconds", wish.StopSeconds, item.StopSeconds, Remedy.InPlace);
        if (wish.Filtered == true && item.Filtered == true)
            diff.Set($"interfaces[{nic}].ingress", wish.Rules!.Value.Select(Show), (item.Rules ?? []).Select(Show), Remedy.InPlace);
        return CompareContainers(diff, wish.Containers!.Value, item.Containers ?? []);
    }

    private static SpecDiff CompareContainers(SpecDiff diff, ImmutableArray<CloudContainer> wished, ImmutableArray<CloudContainer> has)
    {
        diff.Set("sandbox.containers", wished.Select(c => c.Name), has.Select(c => c.Name), Remedy.Replace);
        foreach (var wish in wished)
        {
            if (has.FirstOrDefault(c => c.Name == wish.Name) is not { } there)
                continue;
            diff.Text($"sandbox.containers[{wish.Name}].image", wish.Image, there.Image, Remedy.Replace);
            // Environments hold what people put there: say that they differ, not how (L12).
            diff.Secret($"sandbox.containers[{wish.Name}]", InstanceRules.TextOf(wish), InstanceRules.TextOf(there), Remedy.Replace);
        }

        return diff;
    }

    private static CloudContainer ToContainer(ContainerSpec spec) => new()
    {
        Name = spec.Name,
        Image = spec.Image,
        Command = spec.Command,
        Args = spec.Args,
        Environment = spec.Environment.GroupBy(v => v.Name).ToImmutableSortedDictionary(g => g.Key, g => g.Last().Value ?? "", StringComparer.Ordinal),
        Ports = [.. spec.Ports.Select(p => new CloudPort(p.Name, p.Port, p.Protocol))],
        CpuMillis = spec.Limits?.CpuMillis,
        MemoryMiB = spec.Limits?.MemoryMiB,
    };

    private static string Show(CloudRule rule) => $"{rule.Protocol ?? "all"} {rule.FirstPort}-{rule.LastPort} from {rule.Source}";

    // A comparison needs no name and no mark.
    private static readonly Identity s_nobody = new() { Installation = "", Kind = ResourceKind.Instance, Name = "", Incarnation = 1 };
}
