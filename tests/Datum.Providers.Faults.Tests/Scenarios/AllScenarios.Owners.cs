using System.Text.Json.Nodes;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Faults.Tests.World;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Faults.Tests.Scenarios;

/// <summary>Objects that change hands: adopted, retained, abandoned.</summary>
internal static partial class AllScenarios
{
    private const string Legacy = "legacy-network";

    private static IEnumerable<Scenario> Hands()
    {
        yield return new()
        {
            Name = "adopt-always", End = ("the network was taken over", Adopted),
            Act = async w =>
            {
                await LegacyAsync(w, AdoptPolicy.Always);
                w.CreateWorkload();
                await w.UntilAsync("the network was taken over", () => Adopted(w));
            },
        };
        yield return new()
        {
            Name = "adopt-if-tagged", End = ("the network was taken over", Adopted),
            Act = async w =>
            {
                await LegacyAsync(w, AdoptPolicy.IfTagged);
                w.MayAdopt = static _ => false;
                w.CreateWorkload();
                await w.UntilAsync("it is refused", () => Refusal(w) is not null);
                await w.AdvanceAsync(TimeSpan.FromMinutes(10));
                // A person with rights at the platform puts this very entry's mark on it.
                var entry = w.Entries.Single(e => e.Spec.Kind == "Network");
                w.Cloud.Change(LegacyOf(w).Id, o => o with { Labels = FaultWorld.MarkOf(ResourceKind.Network, entry.Metadata.Name!).ToImmutableSortedDictionary(l => l.Key, l => l.Value!.GetValue<string>(), StringComparer.Ordinal) });
                await w.UntilAsync("the network was taken over", () => Adopted(w));
            },
        };
        yield return new()
        {
            Name = "adopt-conflict", End = Running,
            Act = async w =>
            {
                Allow(w, AdoptPolicy.Always);
                CreateNetwork(w, "other-installations");
                w.CreateWorkload();
                await w.UntilAsync("it is refused", () => Refusal(w) is not null);
                if (Refusal(w)?.Contains("other/", StringComparison.Ordinal) != true)
                    w.Oracle.Break($"L3: the refusal doesn't name the owner: {Refusal(w)}");
                await w.AdvanceAsync(TimeSpan.FromMinutes(10));
                w.Plane.Edit(ResourceTypes.Networks, FaultWorld.Namespace, "default", n => n.Metadata.Annotations!.Remove(Annotations.AdoptId));
                await w.UntilAsync("the workload runs", () => w.Runs());
            },
        };
        yield return new()
        {
            Name = "retained-then-adopted", End = ("the server was taken back", static w => w.Runs() && w.Oracle.Kept.ContainsKey(w.Servers.Single().Id)),
            Before = async w =>
            {
                await w.RunningAsync(1, x => (x.Spec.Template.Metadata ??= new()).Annotations = new() { [Annotations.Retain] = "true" });
                Keep(w, "retain", w.Servers.Concat(w.Cloud.Objects.Where(o => o.Collection is Collections.Nics or Collections.BootDisks)));
                w.Delete(ResourceTypes.Workloads, "web");
                await w.UntilAsync("the workload is gone", () => Retained(w) && w.Servers.Single().Labels?.Keys.Any(k => k.StartsWith("datum-", StringComparison.Ordinal)) != true);
                Allow(w, AdoptPolicy.Always);
            },
            Act = async w =>
            {
                w.MayAdopt = o => w.Oracle.Kept.ContainsKey(o.Id);
                w.CreateWorkload(1, x => (x.Spec.Template.Metadata ??= new()).Annotations = new() { [Annotations.AdoptId] = w.Servers.Single().Id });
                await w.UntilAsync("the server was taken back", () => w.Runs());
            },
        };
        yield return new()
        {
            // Without the mark being taken off: the driver can't adopt, so the collector has to be told.
            Name = "retained-then-deleted", End = ("a person gave it up", static w => w.Servers.Length == 0 && w.Found is null or { Orphans: 0 } && w.Entries.Count == 2),
            Act = async w =>
            {
                w.Delete(ResourceTypes.Workloads, "web");
                Keep(w, "L13, retained", w.Cloud.Objects.Where(o => o.Collection is Collections.Servers or Collections.Nics or Collections.BootDisks or Collections.Firewalls));
                w.Oracle.Findings.UnionWith(w.Oracle.Kept.Keys);
                await w.UntilAsync("the workload is gone", () => Retained(w));
                Collect(w, "20m");
                await w.AdvanceAsync(TimeSpan.FromMinutes(90));
                w.Oracle.Kept.Clear();
                w.Oracle.Findings.Clear();
                w.EditConfig(c => c.Metadata.Annotations!.Remove(Annotations.Retained));
                await w.UntilAsync("the collector deleted it", () => w.Servers.Length == 0 && w.Cloud.In(Collections.Firewalls).Length == 0);
            },
            Before = w =>
            {
                w.DescribeAs = d => d with { Kinds = [.. d.Kinds.Select(k => k with { Adoptable = false })] };
                return w.RunningAsync(1, x => (x.Spec.Template.Metadata ??= new()).Annotations = new() { [Annotations.Retain] = "true" });
            },
        };
        yield return new()
        {
            // The driver went for good and the owners are to go: a person lets go of their entries. What is there stays, also once the driver is back.
            Name = "abandon", Before = w => w.RunningAsync(), End = ("what was abandoned is told", static w => w.Entries.Count == 0 && w.Servers.Length == 1 && w.Found is { Orphans: > 0 }),
            Act = async w =>
            {
                var profile = w.Profile;
                Keep(w, "abandoned", w.Cloud.Objects.Where(o => !w.Oracle.IsPlanted(o.Id)));
                w.Oracle.Findings.UnionWith(w.Oracle.Kept.Keys);
                w.Profile = null;
                await w.RestartAsync();
                w.PausedBy = "the driver is missing";
                w.DeleteAll();
                await w.UntilAsync("nobody answers", () => w.Entries.All(e => Conditions.Find(e.Status?.Conditions, ConditionTypes.Ready)?.Status == ConditionStatus.Unknown) && w.Entries.Any(e => !e.Spec.Wanted));
                w.MayAbandon = static _ => true;
                while (w.Entries.FirstOrDefault(e => w.Entries.All(o => o.Spec.DependsOn?.Exists(d => d.Name == e.Metadata.Name) != true)) is { } entry)
                    await w.AbandonAsync(entry);
                await w.UntilAsync("the owners are gone", () => w.Plane.Live(ResourceTypes.Workloads).Count == 0 && w.Plane.Live(ResourceTypes.Networks).All(n => n.Metadata.Namespace == FaultWorld.Stranger));
                w.PausedBy = "abandoned";
                w.Profile = profile;
                await w.RestartAsync();
                w.CreateLocation("there", "SEA");
                await w.UntilAsync("what was abandoned is told", () => w.Found is { Orphans: > 0 });
            },
        };
        yield return new()
        {
            // --force: the owner still wants it, so the entry is made anew and finds its very objects.
            Name = "abandon-wanted", Before = w => w.RunningAsync(), End = ("the same server runs", static w => w.Runs() && w.Oracle.Kept.ContainsKey(w.Servers.Single().Id)),
            Act = async w =>
            {
                Keep(w, "abandoned", w.Cloud.Objects.Where(o => o.Collection is Collections.Servers or Collections.Nics or Collections.BootDisks));
                var entry = w.Entries.Single(e => e.Spec.Kind == "Instance");
                w.MayAbandon = n => n == entry.Metadata.Name;
                w.PausedBy = "nothing is to be made or deleted";
                await w.AbandonAsync(entry);
                await w.UntilAsync("the entry is anew", () => w.Entries.Any(e => e.Metadata.Name == entry.Metadata.Name && e.Metadata.Uid != entry.Metadata.Uid) && w.Runs());
                w.PausedBy = null;
            },
        };
    }

    private static void Keep(FaultWorld w, string why, IEnumerable<CloudObject> objects)
    {
        foreach (var item in objects)
            w.Oracle.Kept[item.Id] = why;
    }

    private static void Allow(FaultWorld w, string adopt) => w.EditConfig(c => c.Spec.Management!.Adopt = adopt);

    private static void CreateNetwork(FaultWorld w, string adopts) =>
        w.Create(ResourceTypes.Networks, new Network { Metadata = { Name = "default", Namespace = FaultWorld.Namespace, Annotations = new() { [Annotations.AdoptId] = adopts } }, Spec = { Ipam = { Mode = "Auto" } } });

    /// <summary>A network that somebody made long ago, and a Network that names it.</summary>
    private static async Task LegacyAsync(FaultWorld w, string policy)
    {
        Allow(w, policy);
        var id = await w.PostAsync("networks", new JsonObject { ["name"] = Legacy });
        w.MayAdopt = o => o.Id == id;
        await w.AdvanceAsync(TimeSpan.FromSeconds(5));
        CreateNetwork(w, id);
    }

    private static CloudObject LegacyOf(FaultWorld w) => w.Cloud.In(Collections.Networks).Single(n => n.Name == Legacy);

    /// <summary>It is the one network that we have, and the ledger says that it was adopted.</summary>
    private static bool Adopted(FaultWorld w) => w.Runs() && w.Cloud.In(Collections.Networks).Count(n => !w.Oracle.IsPlanted(n.Id)) == 1
        && w.Entries.Single(e => e.Spec.Kind == "Network").Spec.Record is { Adopted: { } id, Parts: [{ } part] } && part.Id == LegacyOf(w).Id && id == part.Id;

    private static string? Refusal(FaultWorld w) => w.Entries.Select(e => Conditions.Find(e.Status?.Conditions, ConditionTypes.Synced)).FirstOrDefault(c => c?.Reason == Reasons.AdoptionRefused)?.Message;
}
