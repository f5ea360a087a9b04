using Datum.Providers.Faults.Tests.World;

namespace Datum.Providers.Faults.Tests.Scenarios;

/// <summary>What happens to hosts and to the ledger.</summary>
internal static partial class AllScenarios
{
    private static IEnumerable<Scenario> HostsAndLedgers()
    {
        yield return new()
        {
            Name = "leader-change", Options = new() { Hosts = ["host-1", "host-2"] }, Quiet = TimeSpan.FromMinutes(5),
            Before = w => w.RunningAsync(), End = ("the new image runs", static w => w.Runs(1, "web:2")),
            Act = async w =>
            {
                w.SetImage("web:2");
                await w.UntilAsync("the replacement is on its way", () => w.Entries.Any(e => e.Spec.Record.Retiring) || w.Runs(1, "web:2"));
                foreach (var host in w.Hosts.Where(h => !h.Life.Dead && h.MayMutate(TimeSpan.FromSeconds(30))))
                    host.Life.Kill();
                await w.UntilAsync("the new image runs", () => w.Runs(1, "web:2"));
            },
        };
        yield return new()
        {
            Name = "leader-cut-off", Options = new() { Hosts = ["host-1", "host-2"] }, Quiet = TimeSpan.FromMinutes(5),
            Before = w => w.RunningAsync(), End = ("both run", static w => w.Runs(2)),
            Act = async w =>
            {
                w.SetReplicas(2);
                await w.UntilAsync("the second is on its way", () => w.Servers.Length > 1 || w.Entries.Count > 4);
                // The leader reaches the platform and no longer the API server.
                foreach (var host in w.Hosts.Where(h => !h.Life.Dead && h.MayMutate(TimeSpan.FromSeconds(30))))
                    host.Client.CutOffUntil = w.Time.Now + TimeSpan.FromMinutes(5);
                await w.UntilAsync("both run", () => w.Runs(2));
            },
        };
        yield return new()
        {
            Name = "two-hosts-one-installation", Options = new() { Hosts = ["host-1", "host-2"], UseLease = false }, End = ("both run", static w => w.Runs(2)),
            Act = w => w.RunningAsync(2, FaultWorld.WithDisk),
        };
        yield return new()
        {
            Name = "restore-from-backup", Before = w => w.RunningAsync(1, FaultWorld.WithDisk), End = ("the new image runs", static w => w.Runs(1, "web:2")),
            Act = async w =>
            {
                var backup = w.Plane.Snapshot();
                w.SetImage("web:2");
                await w.UntilAsync("the new image runs", () => w.Runs(1, "web:2"));
                w.StopAll();
                w.RestoreLedger(backup);
                w.Start();
                await w.UntilAsync("the new image runs", () => w.Runs(1, "web:2"));
            },
        };
        yield return new()
        {
            Name = "ledger-lost", ForgetsAll = true, Before = w => w.RunningAsync(1, FaultWorld.WithDisk), End = Running,
            Act = async w =>
            {
                // Every entry and every status is gone; names follow from owners, so all of it is found again.
                w.StopAll();
                w.Oracle.LosesLedger(() =>
                {
                    foreach (var entry in w.Entries)
                        w.Plane.Vanish(ResourceTypes.ManagedResources, null, entry.Metadata.Name!);
                });
                w.Start();
                await w.UntilAsync("the workload runs", () => w.Runs() && w.Entries.Count >= 4);
            },
        };
        yield return new()
        {
            Name = "status-lost", Before = w => w.RunningAsync(1, FaultWorld.WithDisk), End = Running,
            Act = async w =>
            {
                w.StopAll();
                foreach (var entry in w.Entries)
                    w.Plane.EditStatus(ResourceTypes.ManagedResources, null, entry.Metadata.Name!, e => e.Status = null);
                w.PausedBy = "only statuses are gone";
                w.Start();
                await w.UntilAsync("the workload runs", () => w.Runs());
                w.PausedBy = null;
            },
        };
        yield return new()
        {
            Name = "host-upgrade", Before = w => w.RunningAsync(), End = ("both run", static w => w.Runs(2)),
            Act = async w =>
            {
                w.SetReplicas(2);
                await w.UntilAsync("an operation is open", () => w.Entries.Any(e => e.Spec.Record.Handle is not null) || w.Runs(2));
                // Another driver version: the handles of the old one count as none.
                w.DriverVersion = "0.2.0";
                await w.RestartAsync();
                await w.UntilAsync("both run", () => w.Runs(2));
            },
        };
        yield return new()
        {
            Name = "older-contract", Before = w => w.RunningAsync(), End = ("the new image runs", static w => w.Runs(1, "web:2")),
            Act = async w =>
            {
                // A driver from before the optional abilities and members: neutral defaults must do.
                w.DescribeAs = d => d with { Abilities = [], Kinds = [.. d.Kinds.Select(k => k with { ListingCarriesRevision = false, ListingCarriesFacts = false, Adoptable = false })] };
                await w.RestartAsync();
                w.SetImage("web:2");
                await w.UntilAsync("the new image runs", () => w.Runs(1, "web:2"));
            },
        };
    }
}
