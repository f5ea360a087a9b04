using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Faults.Tests.World;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Faults.Tests.Plans;

/// <summary>Faults at random calls.</summary>
internal sealed class Chaos(Random random, int faults, double rate)
{
    private int _left = faults;

    /// <param name="hasAccount">Something stands in the account. Before that another one is as good: the account that a host sees first is the account.</param>
    public Fault At(Boundary boundary, Func<bool> hasAccount)
    {
        if (_left == 0 || random.NextDouble() > rate)
            return Fault.None;
        var choices = Faults.Of(boundary);
        if (choices.IsEmpty)
            return Fault.None;
        var fault = choices[random.Next(choices.Length)];
        if (fault is Fault.OtherAccount && !hasAccount())
            return Fault.None;
        _left--;
        return fault;
    }

    public void Stop() => _left = 0;
}

/// <summary>A short random life: a platform, edits, faults and kills that all follow from one seed.</summary>
internal static class RandomRun
{
    private static readonly ResourceKind[] Kinds = [ResourceKind.Network, ResourceKind.Subnet, ResourceKind.Firewall, ResourceKind.Disk, ResourceKind.Instance];
    private static readonly CreateClass[] Classes = [CreateClass.Token, CreateClass.Named, CreateClass.Marked];

    public static async Task<PlanResult> RunAsync(int seed, bool details)
    {
        var random = new Random(seed);
        using var world = new FaultWorld(OptionsOf(seed, random), null) { Chaos = new Chaos(random, random.Next(1, 4), 0.02) };
        return await JudgeAsync(world, details, async () =>
        {
            var state = new State { Replicas = random.Next(1, 3), Disk = random.Next(4) == 0 };
            world.CreateNetwork();
            world.CreateWorkload(state.Replicas, state.Disk ? FaultWorld.WithDisk : null);
            for (var edits = random.Next(1, 4); edits > 0; edits--)
            {
                await world.AdvanceAsync(TimeSpan.FromSeconds(random.Next(0, 30)));
                Edit(world, state, random);
            }
            var ends = random.Next(2) == 0;
            world.EditConfig(c => c.Spec.Management!.Paused = null);
            if (ends)
            {
                world.DeleteAll();
                return ("nothing is left", () => world.NothingIsLeft);
            }
            return ("the workload runs", () => state.Replicas > 0 ? world.Runs(state.Replicas, state.Image)
                : !world.Servers.Any(s => !world.Oracle.IsPlanted(s.Id)) && world.Instances.All(i => i.Metadata.Namespace != FaultWorld.Namespace));
        });
    }

    /// <summary>Lives a life, lets it come to rest where it must end, and judges it.</summary>
    public static async Task<PlanResult> JudgeAsync(FaultWorld world, bool details, Func<Task<(string What, Func<bool> IsSo)>> life)
    {
        var violations = new List<string>();
        try
        {
            await world.BeginAsync();
            world.Arm();
            var (what, isSo) = await life();
            await world.RestAsync(what, () => isSo() && !world.Oracle.Untold().Any());
            world.Chaos!.Stop();
            world.Disarm();
            var (writes, mutations) = (world.Oracle.Writes, world.Cloud.Statistics.Mutations);
            await world.AdvanceAsync(TimeSpan.FromMinutes(10));
            if (world.Oracle.Writes != writes || world.Cloud.Statistics.Mutations != mutations)
                violations.Add($"L8: {world.Oracle.Writes - writes} writes and {world.Cloud.Statistics.Mutations - mutations} mutations at rest, the last at {world.Oracle.LastWrite:HH:mm:ss} is {world.Plane.Writes.LastOrDefault()}");
            world.Oracle.AtEnd();
        }
        catch (WorldException e)
        {
            violations.Add(e.Message);
        }
        violations.InsertRange(0, world.Oracle.Violations);
        return new PlanResult(violations, true, [.. world.Trace], [], details ? world.Describe(400) : "");
    }

    public static WorldOptions OptionsOf(int seed, Random random)
    {
        var late = TimeSpan.FromSeconds(random.Next(3) == 0 ? random.Next(1, 5) : 0);
        return new WorldOptions
        {
            Seed = seed,
            Knobs = new SimulatorKnobs
            {
                CreateClasses = Kinds.ToImmutableDictionary(k => k, _ => Classes[random.Next(Classes.Length)]),
                OperationDurations = Kinds.ToImmutableDictionary(k => k, _ => TimeSpan.FromSeconds(random.Next(4))),
                IdsOnlyInOperation = random.Next(4) == 0,
                ConsistencyWindow = late,
                ListLag = late,
                Latency = TimeSpan.FromMilliseconds(random.Next(3) == 0 ? 100 : 0),
                TombstoneLife = TimeSpan.FromSeconds(random.Next(2) * 30),
                PageSize = random.Next(2) == 0 ? 100 : 1,
            },
        };
    }

    private static void Edit(FaultWorld world, State state, Random random)
    {
        switch (random.Next(8))
        {
            case 0:
                world.SetReplicas(state.Replicas = random.Next(0, 3));
                break;
            case 1:
                world.SetImage(state.Image = state.Image == "web:1" ? "web:2" : "web:1");
                break;
            case 2:
                world.EditWorkload(w => w.Spec.Template.Spec.NetworkInterfaces[0].NetworkPolicy!.Ingress!.Add(
                    new NetworkPolicyIngressRule { Ports = [new NetworkPolicyPort { Port = random.Next(1000, 9000) }] }));
                break;
            case 3:
                if (world.Instances.FirstOrDefault(i => i.Metadata.Namespace == FaultWorld.Namespace) is { } instance)
                    world.Delete(ResourceTypes.Instances, instance.Metadata.Name!);
                break;
            default:
                Happen(world, random.Next(4));
                break;
        }
    }

    /// <summary>What happens to platforms, configs and hosts whoever uses them.</summary>
    public static void Happen(FaultWorld world, int what)
    {
        switch (what)
        {
            case 0 when world.Cloud.In(Collections.Firewalls).FirstOrDefault(f => !world.Oracle.IsPlanted(f.Id)) is { } firewall:
                world.Cloud.Change(firewall.Id, f => f with { Rules = [] });
                break;
            case 1 when world.Servers.FirstOrDefault(s => s.State == "READY") is { } server:
                world.Cloud.Vanish(server.Id);
                break;
            case 2:
                world.EditConfig(c => c.Spec.Management!.Paused = c.Spec.Management.Paused is null ? true : null);
                break;
            default:
                foreach (var host in world.Hosts.Where(h => !h.Life.Dead))
                    host.Life.Kill();
                break;
        }
    }

    private sealed class State
    {
        public int Replicas { get; set; }
        public string Image { get; set; } = "web:1";
        public bool Disk { get; init; }
    }
}
