using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Faults.Tests.World;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Faults.Tests.Scenarios;

/// <summary>What Datum users do.</summary>
internal static partial class AllScenarios
{
    private static ResourceKind[] Kinds => [ResourceKind.Network, ResourceKind.Subnet, ResourceKind.Firewall, ResourceKind.Disk, ResourceKind.Instance];
    private static (string, Func<FaultWorld, bool>) Running => ("the workload runs", static w => w.Runs());
    private static (string, Func<FaultWorld, bool>) Nothing => ("nothing is left", static w => w.NothingIsLeft);

    private static WorldOptions AllOf(CreateClass of)
    {
        var options = new WorldOptions();
        return options with { Knobs = options.Knobs with { CreateClasses = Kinds.ToImmutableDictionary(k => k, _ => of) } };
    }

    private static Task GoneAsync(FaultWorld w) => w.UntilAsync("nothing is left", () => w.NothingIsLeft);

    private static IEnumerable<Scenario> Lifes()
    {
        Task RunningAsync(FaultWorld w) => w.RunningAsync(1, FaultWorld.WithDisk);
        yield return new() { Name = "create", Act = RunningAsync, End = Running };
        yield return new() { Name = "create-token", Options = AllOf(CreateClass.Token), Act = RunningAsync, End = Running };
        yield return new() { Name = "create-named", Options = AllOf(CreateClass.Named), Act = RunningAsync, End = Running };
        yield return new() { Name = "create-marked", Options = AllOf(CreateClass.Marked), Act = RunningAsync, End = Running };
        yield return new()
        {
            Name = "scale-up", Before = w => w.RunningAsync(), End = ("both run", static w => w.Runs(2)),
            Act = async w =>
            {
                w.SetReplicas(2);
                await w.UntilAsync("both run", () => w.Runs(2));
            },
        };
        yield return new()
        {
            Name = "scale-down", Before = w => w.RunningAsync(2), End = Running,
            Act = async w =>
            {
                w.SetReplicas(1);
                await w.UntilAsync("one runs", () => w.Runs(1));
            },
        };
    }

    /// <summary>No old picture replaces a machine once more.</summary>
    private static bool ReplacedOnce(FaultWorld w) => w.Entries.Where(e => e.Spec.Kind == "Instance").All(e => e.Spec.Record.Incarnation == 2);

    private static IEnumerable<Scenario> Changes()
    {
        static async Task ImageAsync(FaultWorld w, int replicas)
        {
            w.SetImage("web:2");
            await w.UntilAsync("the new image runs", () => w.Runs(replicas, "web:2"));
        }
        yield return new() { Name = "rolling-replace", Before = w => w.RunningAsync(2), Act = w => ImageAsync(w, 2), End = ("the new image runs", static w => w.Runs(2, "web:2") && ReplacedOnce(w)) };
        yield return new() { Name = "image-change", Before = w => w.RunningAsync(1, FaultWorld.WithDisk), Act = w => ImageAsync(w, 1), End = ("the new image runs", static w => w.Runs(1, "web:2") && ReplacedOnce(w)) };
        yield return new()
        {
            Name = "in-place", Before = w => w.RunningAsync(), End = ("the port is open", PortIsOpen),
            Act = async w =>
            {
                w.EditWorkload(x => x.Spec.Template.Spec.NetworkInterfaces[0].NetworkPolicy!.Ingress!.Add(new NetworkPolicyIngressRule { Ports = [new NetworkPolicyPort { Port = 8443 }] }));
                await w.UntilAsync("the port is open", () => PortIsOpen(w));
            },
        };
        yield return new()
        {
            Name = "secret-change", Before = w => w.RunningAsync(), End = ("the new secret is used", static w => w.Runs() && Restarted(w)),
            Act = async w =>
            {
                w.Plane.Edit(Core.Secrets, FaultWorld.Namespace, "app", s => s.Data!["password"] = System.Text.Encoding.UTF8.GetBytes(FaultWorld.Canary + "-new"));
                // As kubectl rollout restart does: the template says when.
                w.EditWorkload(x => (x.Spec.Template.Metadata ??= new()).Annotations = new() { ["compute.datumapis.com/restartedAt"] = "2030-01-02T00:00:00Z" });
                await w.UntilAsync("the new secret is used", () => w.Runs() && Restarted(w));
            },
        };
    }

    private static bool PortIsOpen(FaultWorld w) => w.Runs() && w.Cloud.In(Collections.Firewalls).Any(f => f.Rules is { } rules && rules.Any(r => r.FirstPort == 8443));

    private static bool Restarted(FaultWorld w) => w.Cloud.In(Collections.Servers).Any(s => s.RestartedAt is not null);

    private static IEnumerable<Scenario> Deletions()
    {
        Scenario Deletion(string name, Func<FaultWorld, Task> act, Func<FaultWorld, Task>? before = null) => new()
        {
            Name = name, Before = before ?? (w => w.RunningAsync(1, FaultWorld.WithDisk)), End = Nothing,
            Act = async w =>
            {
                await act(w);
                await GoneAsync(w);
            },
        };
        static Task At(Action act)
        {
            act();
            return Task.CompletedTask;
        }
        yield return Deletion("delete", w => At(w.DeleteAll));
        yield return Deletion("delete-during-create", before: Scenario.Nothing, act: async w =>
        {
            w.CreateNetwork();
            w.CreateWorkload(2, FaultWorld.WithDisk);
            await w.UntilAsync("a server is on its way", () => w.Servers.Length > 0);
            w.DeleteAll();
        });
        yield return Deletion("delete-network-first", async w =>
        {
            w.Delete(ResourceTypes.Networks, "default");
            await w.AdvanceAsync(TimeSpan.FromMinutes(5));
            w.Delete(ResourceTypes.Workloads, "web");
        });
        yield return Deletion("delete-location-first", async w =>
        {
            w.Delete(ResourceTypes.Locations, "here");
            await w.AdvanceAsync(TimeSpan.FromMinutes(2));
            w.DeleteAll();
        });
        yield return Deletion("delete-config-first", async w =>
        {
            var config = w.Plane.Peek(ResourceTypes.ProviderConfigs, null, "sim")!;
            w.Delete(ResourceTypes.ProviderConfigs, "sim", null);
            await w.AdvanceAsync(TimeSpan.FromMinutes(2));
            w.DeleteAll();
            await w.AdvanceAsync(TimeSpan.FromMinutes(10));
            // A person restores it; what couldn't be deleted without it goes then.
            w.Create(ResourceTypes.ProviderConfigs, new() { Metadata = { Name = "sim" }, Spec = config.Spec });
        });
        yield return Deletion("delete-children-first", w => At(() =>
        {
            foreach (var subnet in w.Plane.Live(ResourceTypes.Subnets))
                w.Delete(ResourceTypes.Subnets, subnet.Metadata.Name!);
            foreach (var context in w.Plane.Live(ResourceTypes.NetworkContexts))
                w.Delete(ResourceTypes.NetworkContexts, context.Metadata.Name!);
            foreach (var instance in w.Instances.Where(i => i.Metadata.Namespace == FaultWorld.Namespace))
                w.Delete(ResourceTypes.Instances, instance.Metadata.Name!);
            w.Delete(ResourceTypes.WorkloadDeployments, "web-us-dfw");
            w.DeleteAll();
        }));
        yield return Deletion("network-deleted-while-used", async w =>
        {
            w.Delete(ResourceTypes.Networks, "default");
            await w.AdvanceAsync(TimeSpan.FromMinutes(10));
            w.SetImage("web:2");
            await w.AdvanceAsync(TimeSpan.FromMinutes(10));
            w.Delete(ResourceTypes.Workloads, "web");
        });
        yield return new()
        {
            Name = "instance-deleted", Before = w => w.RunningAsync(), End = Running,
            Act = async w =>
            {
                var uid = w.Instances.Single(i => i.Metadata.Namespace == FaultWorld.Namespace).Metadata.Uid;
                w.Delete(ResourceTypes.Instances, "web-us-dfw-0");
                await w.UntilAsync("its successor runs", () => w.Runs() && w.Instances.All(i => i.Metadata.Uid != uid));
            },
        };
    }
}
