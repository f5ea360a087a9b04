using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Faults.Tests.World;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Faults.Tests.Scenarios;

/// <summary>What operators and platforms do.</summary>
internal static partial class AllScenarios
{
    private static IEnumerable<Scenario> Operators()
    {
        yield return new()
        {
            Name = "pause-and-resume", Before = w => w.RunningAsync(), End = ("the new image runs", static w => w.Runs(1, "web:2")),
            Act = async w =>
            {
                w.EditConfig(c => c.Spec.Management!.Paused = true);
                await w.UntilAsync("the pause has arrived", () => w.Entries.Where(e => e.Spec.Owner.Kind == "Instance").All(e => e.Spec.Policies?.Paused == true));
                w.PausedBy = "paused";
                w.SetImage("web:2");
                await w.AdvanceAsync(TimeSpan.FromMinutes(10));
                w.PausedBy = null;
                w.EditConfig(c => c.Spec.Management!.Paused = null);
                await w.UntilAsync("the new image runs", () => w.Runs(1, "web:2"));
            },
        };
        yield return new()
        {
            Name = "driver-removed-and-returned", Before = w => w.RunningAsync(), End = Nothing,
            Act = async w =>
            {
                var profile = w.Profile;
                w.Profile = null;
                await w.RestartAsync();
                w.PausedBy = "the driver is missing";
                w.DeleteAll();
                await w.AdvanceAsync(TimeSpan.FromMinutes(10));
                w.PausedBy = null;
                w.Profile = profile;
                await w.RestartAsync();
                await GoneAsync(w);
            },
        };
        yield return new()
        {
            Name = "location-changed", Before = w => w.RunningAsync(), End = ("both run", static w => w.Runs(2)),
            Act = async w =>
            {
                w.Plane.Edit(ResourceTypes.Locations, FaultWorld.Namespace, "here", l => l.Spec.Provider!["simulator"] = System.Text.Json.JsonElement.Parse("""{"zone":"z2"}"""));
                await w.AdvanceAsync(TimeSpan.FromMinutes(3));
                w.SetReplicas(2);
                await w.UntilAsync("both run", () => w.Runs(2));
            },
        };
        yield return new()
        {
            Name = "endpoint-changed", Before = w => w.RunningAsync(), End = ("both run", static w => w.Runs(2)),
            Act = async w =>
            {
                // Another session, while the old one may have calls under way.
                w.SetReplicas(2);
                await w.UntilAsync("the second is on its way", () => w.Servers.Length > 1 || w.Entries.Count > 4);
                w.EditConfig(c => c.Spec.Endpoint = "http://cloud2.test");
                await w.UntilAsync("both run", () => w.Runs(2));
            },
        };
    }

    private static IEnumerable<Scenario> Platforms()
    {
        yield return new()
        {
            Name = "quota-full", Before = w => w.RunningAsync(), End = ("both run", static w => w.Runs(2)),
            Act = async w =>
            {
                w.Cloud.Knobs = w.Cloud.Knobs with { Quota = ImmutableDictionary<ResourceKind, int>.Empty.Add(ResourceKind.Instance, 1) };
                w.SetReplicas(2);
                await w.AdvanceAsync(TimeSpan.FromMinutes(20));
                w.Cloud.Knobs = w.Cloud.Knobs with { Quota = ImmutableDictionary<ResourceKind, int>.Empty };
                await w.UntilAsync("both run", () => w.Runs(2));
            },
        };
        yield return new()
        {
            Name = "capacity-short", Before = w => w.RunningAsync(), End = ("both run", static w => w.Runs(2)),
            Act = async w =>
            {
                w.Cloud.Add(new OperationFault { Collection = Collections.Servers, Code = "STOCKOUT", Times = 2 });
                w.SetReplicas(2);
                await w.UntilAsync("both run", () => w.Runs(2));
            },
        };
        yield return new()
        {
            Name = "drift", Before = w => w.RunningAsync(), End = Running,
            Act = async w =>
            {
                var firewall = w.Cloud.In(Collections.Firewalls).Single();
                w.Cloud.Change(firewall.Id, f => f with { Rules = [] });
                await w.UntilAsync("the rules are back", () => w.Runs() && w.Cloud.In(Collections.Firewalls) is [{ Rules: { Length: > 0 } }]);
            },
        };
        yield return new()
        {
            Name = "server-vanished", Before = w => w.RunningAsync(), End = Running,
            Act = w => VanishAsync(w),
        };
        yield return new()
        {
            Name = "copy-made", Before = w => w.RunningAsync(), End = ("only the copy is left", static w => w.Entries.Count == 0 && w.Servers.Length == 1),
            Act = async w =>
            {
                w.HasCopies = true;
                w.Oracle.Findings.Add(w.Cloud.Clone(w.Servers.Single().Id));
                await w.AdvanceAsync(TimeSpan.FromMinutes(3));
                w.Delete(ResourceTypes.Workloads, "web");
                await w.UntilAsync("the workload is gone", () => w.Plane.Live(ResourceTypes.Workloads).Count == 0);
                w.Delete(ResourceTypes.Networks, "default");
                await w.UntilAsync("only the copy is left", () => w.Entries.Count == 0);
            },
        };
        yield return new()
        {
            Name = "failed-and-replaced", Before = w => w.RunningAsync(), End = ("both run", static w => w.Runs(2)),
            Act = async w =>
            {
                w.EditConfig(c => c.Spec.Management!.OnFailure = FailurePolicy.Replace);
                w.Cloud.Add(new OperationFault { Collection = Collections.Servers, Code = "BOOT_FAILED", KeepsObject = true });
                w.SetReplicas(2);
                await w.UntilAsync("both run", () => w.Runs(2));
            },
        };
    }
}
