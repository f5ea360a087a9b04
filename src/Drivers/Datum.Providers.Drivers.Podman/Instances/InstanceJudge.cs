using System.Globalization;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

/// <summary>What a look means: facts, drift and state. Pure.</summary>
internal sealed class InstanceJudge(InstanceSpec spec, InstanceView view)
{
    public required PodmanSettings Settings { get; init; }

    /// <summary>False where rules can't be set and the ProviderConfig accepts it.</summary>
    public required bool FirewallEnforced { get; init; }

    /// <summary>Answers of health checks by container: <c>healthy</c>, <c>starting</c>, <c>unhealthy</c>.</summary>
    public required IReadOnlyDictionary<string, string> Health { get; init; }

    /// <summary>Why a container that never ran doesn't, by container: reason and message.</summary>
    public required IReadOnlyDictionary<string, (string Reason, string Message)> Obstacles { get; init; }

    private ImmutableArray<ContainerSpec> Wanted => spec.Sandbox?.Containers ?? [];

    public ImmutableArray<IngressRule>? Ingress => spec.Interfaces[0].Ingress;

    /// <summary>True when nothing is left to do about the packet filter.</summary>
    public bool FirewallDone => !FirewallEnforced || view.PolicyStands(Ingress) != false;

    public ImmutableArray<Drift> Drift()
    {
        var diff = new SpecDiff();
        Fingerprint.Compare(diff, "", Fingerprint.OfPod(spec), Fingerprint.Read(view.Pod?.Labels));
        foreach (var container in Wanted)
            if (view.Containers.TryGetValue(container.Name, out var actual))
                Fingerprint.Compare(diff, $"sandbox.containers[{container.Name}].", Fingerprint.OfContainer(spec, container), Fingerprint.Read(actual.Config?.Labels));
        if (view.InfraRuns && EverStarted && !FirewallDone)
            diff.Add($"interfaces[{spec.Interfaces[0].Name}].ingress", Remedy.InPlace);
        // That nothing runs is no drift but a fact, unless it shall be so (DC-78): what ended is started again by a step.
        if (EverStarted && spec.Suspended && view.Running.Any())
            diff.Flag("suspended", true, false, Remedy.InPlace);
        return diff.ToDrift();
    }

    public bool EverStarted => view.Containers.Values.Any(c => c.State.EverStarted);

    public Lifecycle State(Step? next)
    {
        if (next is not null)
            return EverStarted ? Lifecycle.Degraded : Lifecycle.Creating;
        if (spec.Suspended)
            return Lifecycle.Ready;
        // No step is left but a wish can't be met in this life, e.g. a container that a replacement must bring.
        if (Wanted.Any(c => !view.Containers.TryGetValue(c.Name, out var found) || !found.State.Running))
            return Lifecycle.Degraded;
        return Health.Values.Any(h => h == "unhealthy") ? Lifecycle.Degraded : Lifecycle.Ready;
    }

    public InstanceFacts Facts()
    {
        var containers = Wanted.Select(Container).ToImmutableArray();
        var well = containers.Length > 0 && containers.All(c => c.Running && c.Reason is null);
        return new InstanceFacts
        {
            PlatformState = view.Pod?.State,
            Power = Power(),
            Guest = well ? GuestHealth.Ready : GuestHealth.NotReady,
            GuestMessage = containers.FirstOrDefault(c => c.Message is not null) is { } sick ? $"{sick.Name}: {sick.Message}" : null,
            Interfaces = InstanceFactsReader.Interfaces(view, spec.Interfaces[0]),
            Containers = containers,
            PolicyEnforced = Ingress is null ? null : FirewallEnforced && view.PolicyStands(Ingress) == true,
        };
    }

    private PowerState Power()
    {
        if (spec.Suspended && !view.Running.Any())
            return PowerState.Stopped;
        if (!view.InfraRuns)
            return EverStarted ? PowerState.Stopped : PowerState.Starting;
        return view.Running.Any() ? PowerState.Running : EverStarted ? PowerState.Stopped : PowerState.Starting;
    }

    private ContainerFacts Container(ContainerSpec wanted)
    {
        var facts = new ContainerFacts { Name = wanted.Name, Running = false };
        if (!view.Containers.TryGetValue(wanted.Name, out var actual) || !actual.State.EverStarted)
        {
            var (reason, message) = Obstacles.TryGetValue(wanted.Name, out var obstacle) ? obstacle : ("Provisioning", null!);
            return facts with { Reason = reason, Message = message };
        }

        if (actual.State.Running)
            return (Health.TryGetValue(wanted.Name, out var health) ? health : "healthy") switch
            {
                "unhealthy" => facts with { Running = true, Reason = "InstanceCrashing", Message = "its health check fails" },
                "starting" => facts with { Running = true, Reason = "Provisioning", Message = "its health check hasn't passed yet" },
                _ => facts with { Running = true },
            };
        facts = facts with { ExitCode = actual.State.ExitCode };
        if (spec.Suspended)
            return facts;
        var why = actual.State.OomKilled ? "killed for using more memory than its limit"
            : string.Create(CultureInfo.InvariantCulture, $"ended with exit code {actual.State.ExitCode}");
        return facts with { Reason = "InstanceCrashing", Message = why };
    }
}

/// <summary>Facts that need no wish.</summary>
internal static class InstanceFactsReader
{
    public static ImmutableArray<InterfaceFacts> Interfaces(InstanceView view, InterfaceSpec? wanted)
    {
        if (!view.InfraRuns || view.Infra?.Network?.Networks is not { Count: > 0 } networks)
            return [];
        ContainerNetwork? network = null;
        if (wanted is null || !networks.TryGetValue(InstanceBodies.NetworkName(wanted), out network))
            network = networks.Values.First();
        return
        [
            new InterfaceFacts
            {
                Name = wanted?.Name ?? "eth0",
                NetworkAddresses = [.. new[] { network.IPv4, network.IPv6 }.Where(a => !string.IsNullOrEmpty(a)).Select(a => a!)],
            },
        ];
    }

    public static InstanceFacts Without(InstanceView view) => new()
    {
        PlatformState = view.Pod?.State,
        Power = view.Running.Any() ? PowerState.Running : PowerState.Stopped,
        Interfaces = Interfaces(view, null),
        Containers = [.. view.Containers.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => new ContainerFacts
        {
            Name = c.Key,
            Running = c.Value.State.Running,
            ExitCode = c.Value.State.Running || !c.Value.State.EverStarted ? null : c.Value.State.ExitCode,
        })],
    };
}
