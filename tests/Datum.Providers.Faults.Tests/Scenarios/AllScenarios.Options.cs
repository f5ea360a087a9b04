using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Faults.Tests.World;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.Faults.Tests.Scenarios;

/// <summary>What Datum's own controllers do beyond upstream, each asked for by annotation.</summary>
internal static partial class AllScenarios
{
    private static void Option(Workload workload, string key) => (workload.Metadata.Annotations ??= [])[key] = "true";

    private static bool IsAt(FaultWorld w, string location) => w.Instances.Where(i => i.Metadata.Namespace == FaultWorld.Namespace).All(i => i.Spec.Location?.Name == location);

    private static IEnumerable<Scenario> Options()
    {
        var options = new WorldOptions();
        yield return new()
        {
            // What was made at the first Location is gone before anything is made at the second one (L1).
            Name = "fallback", End = ("it runs at the other Location", static w => w.Runs() && IsAt(w, "there") && w.Cloud.In(Collections.Nics).Length == 1),
            Options = options with { Knobs = options.Knobs with { ZoneCapacity = ImmutableDictionary<string, int>.Empty.Add("z1", 0) } }, Before = TwoAsync, BeforeMakesNothing = true,
            Act = async w =>
            {
                w.CreateNetwork();
                w.CreateWorkload(1, x => Option(x, Annotations.LocationFallback));
                await w.UntilAsync("it runs at the other Location", () => w.Runs() && IsAt(w, "there"));
            },
        };
        yield return new()
        {
            Name = "spread", End = ("one runs at each Location", static w => w.Runs(2) && w.Servers.Select(s => s.Zone).Distinct().Count() == 2),
            Before = TwoAsync, BeforeMakesNothing = true,
            Act = async w =>
            {
                w.CreateNetwork();
                w.CreateWorkload(2, x => Option(x, Annotations.LocationSpread));
                await w.UntilAsync("both run", () => w.Runs(2));
            },
        };
        yield return new()
        {
            Name = "suspended", Before = w => w.RunningAsync(), End = ("the same server runs", static w => w.Runs() && w.Oracle.Kept.ContainsKey(w.Servers.Single().Id)),
            Act = async w =>
            {
                Keep(w, "suspended", w.Cloud.Objects.Where(o => o.Collection is Collections.Servers or Collections.Nics or Collections.BootDisks));
                w.Plane.Edit(ResourceTypes.Workloads, FaultWorld.Namespace, "web", x => Option(x, Annotations.Suspended));
                await w.UntilAsync("it is off", () => w.Servers.All(s => s.State == CloudStates.Stopped) && w.Entries.Any(e => Conditions.Find(e.Status?.Conditions, ConditionTypes.Ready)?.Reason == Reasons.Suspended));
                await w.AdvanceAsync(TimeSpan.FromMinutes(3));
                w.Plane.Edit(ResourceTypes.Workloads, FaultWorld.Namespace, "web", x => x.Metadata.Annotations!.Remove(Annotations.Suspended));
                await w.UntilAsync("it runs again", () => w.Runs());
            },
        };
        yield return new()
        {
            Name = "restarted", Before = w => w.RunningAsync(),
            End = ("the same server runs, restarted", static w => w.Runs() && w.Oracle.Kept.ContainsKey(w.Servers.Single().Id) && w.Servers.Single().RestartedAt == "2031-01-01T00:00:00Z"),
            Act = async w =>
            {
                Keep(w, "restarted", w.Cloud.Objects.Where(o => o.Collection is Collections.Servers or Collections.Nics or Collections.BootDisks));
                w.Plane.Edit(ResourceTypes.Workloads, FaultWorld.Namespace, "web", x => (x.Spec.Template.Metadata ??= new()).Annotations = new() { [Annotations.RestartedAt] = "2031-01-01T00:00:00Z" });
                await w.UntilAsync("it was restarted", () => w.Servers.All(s => s.RestartedAt is not null) && w.Runs());
            },
        };
        yield return new()
        {
            Name = "config-rolled-out", End = ("both have the new one", static w => w.Runs(2) && ReplacedOnce(w)),
            Before = async w =>
            {
                var map = new ConfigMap { Data = new() { ["a"] = "one" } };
                (map.Metadata.Name, map.Metadata.Namespace) = ("app", FaultWorld.Namespace);
                w.Create(Core.ConfigMaps, map);
                await w.RunningAsync(2, x =>
                {
                    Option(x, Annotations.RolloutOnChange);
                    x.Spec.Template.Spec.Runtime.Sandbox!.Containers[0].EnvFrom = [new() { ConfigMapRef = new() { Name = "app" } }];
                });
            },
            Act = async w =>
            {
                await w.AdvanceAsync(TimeSpan.FromMinutes(2));
                w.Plane.Edit(Core.ConfigMaps, FaultWorld.Namespace, "app", m => m.Data!["a"] = "two");
                await w.UntilAsync("both are replaced", () => w.Runs(2) && ReplacedOnce(w));
            },
        };

        // Both are served before anything is scheduled: which of them is ready first is chance.
        static Task TwoAsync(FaultWorld w)
        {
            w.CreateLocation("there", "DFW", "z2");
            return w.UntilAsync("both Locations are ready", () =>
                w.Plane.Live(ResourceTypes.Locations).Where(l => l.Metadata.Namespace == FaultWorld.Namespace).All(l => Conditions.IsTrue(l.Status?.Conditions, ConditionTypes.Ready)));
        }
    }
}
