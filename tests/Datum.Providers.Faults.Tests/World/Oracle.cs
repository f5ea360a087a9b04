using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Collect;
using Datum.Providers.Kubernetes;
using Datum.Providers.Sdk;

namespace Datum.Providers.Faults.Tests.World;

/// <summary>
/// Judges from outside: it trusts neither host nor driver, only the API server's store, the platform's objects and what crosses the wire. Some laws
/// are judged at the very moment (each mutation that arrives, each entry that goes), the others at the end.
/// </summary>
internal sealed partial class Oracle(FaultWorld world)
{
    private readonly List<string> _violations = [];
    private readonly List<string> _said = [];
    private readonly Dictionary<string, CloudObject> _planted = new(StringComparer.Ordinal);

    private bool _losing;

    /// <summary>Writes of the hosts that changed something, leases left out.</summary>
    public long Writes { get; private set; }

    public DateTimeOffset LastWrite { get; private set; }

    /// <summary>Objects that have our mark and no entry, on purpose.</summary>
    public HashSet<string> Findings { get; } = new(StringComparer.Ordinal);

    public IReadOnlyList<string> Violations =>
        [.. _violations.Distinct(StringComparer.Ordinal), .. (world.HasCopies ? [] : world.Cloud.Audit.Violations).Select(v => $"L1: {v}"), .. world.Other.Audit.Violations.Select(v => $"L1: {v}")];

    public bool HasBroken => _violations.Count > 0 || (!world.HasCopies && world.Cloud.Audit.MaxAlive > 1);

    public bool IsPlanted(string id) => _planted.ContainsKey(id);

    public void Break(string law) => _violations.Add(law);

    /// <summary>Something left the host: it is searched for secrets at the end.</summary>
    public void Said(string text) => _said.Add(text);

    /// <summary>Somebody takes entries away behind the host's back.</summary>
    public void LosesLedger(Action how)
    {
        _losing = true;
        how();
        _losing = false;
    }

    /// <summary>Things of others: without a mark, and with another installation's.</summary>
    public async Task PlantAsync()
    {
        // Answers that take time would need somebody who lets it pass.
        var knobs = world.Cloud.Knobs;
        world.Cloud.Knobs = knobs with { Latency = TimeSpan.Zero, LatencyJitter = TimeSpan.Zero };
        await world.PostAsync("networks", new JsonObject { ["name"] = "somebodys-network" });
        await world.PostAsync("disks", new JsonObject { ["name"] = "somebodys-disk", ["zone"] = "z1", ["sizeGiB"] = 1, ["type"] = "sim-standard" });
        var mark = Marks.ToPairs(new Mark { Installation = "other", Kind = ResourceKind.Network, Name = "0123456789abcdef0123456789abcdef", Incarnation = 1 });
        await world.PostAsync("networks", new JsonObject { ["name"] = "other-installations", ["labels"] = new JsonObject(mark.Select(m => KeyValuePair.Create(m.Key, (JsonNode?)m.Value))) });
        await world.AdvanceAsync(TimeSpan.FromSeconds(10));
        world.Cloud.Knobs = knobs;
        foreach (var item in world.Cloud.Objects)
            _planted[item.Id] = item;
    }

    /// <summary>From now on this object isn't ours.</summary>
    public void Plant(string id) => _planted[id] = world.Cloud.Objects.Single(o => o.Id == id);

    public void Unplant(string id) => _planted.Remove(id);

    /// <summary>A mutation that reaches the platform.</summary>
    public void Mutation(Life life, HttpMethod method, string path, string body, bool otherAccount)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (otherAccount)
        {
            // Between the proof and the call that it was for nobody can see a change.
            if (world.Time.Now - world.OtherSince >= TimeSpan.FromSeconds(1))
                Break($"L15: {method} {path} in another account");
            return;
        }
        world.LeaseHolds(life, $"{method} {path}");
        if (world.PausedBy is { } why && method != HttpMethod.Get)
            Break($"a mutation although {why}: {method} {path}");
        if (parts.Length == 2)
            Creation(parts[1], body);
        else if (world.Cloud.Objects.FirstOrDefault(o => o.Id == parts[2]) is { } target)
            Change(life, method, target, body);
    }

    private void Creation(string collection, string body)
    {
        using var document = JsonDocument.Parse(body);
        var labels = document.RootElement.TryGetProperty("labels", out var l) && l.ValueKind == JsonValueKind.Object
            ? l.EnumerateObject().ToImmutableSortedDictionary(p => p.Name, p => p.Value.GetString()!, StringComparer.Ordinal) : ImmutableSortedDictionary<string, string>.Empty;
        if (Marks.Parse(labels) is not { } mark || mark.Installation != FaultWorld.Installation)
        {
            Break($"L3: an object of {collection} is made without our mark");
            return;
        }
        // L4: entry, finalizer and intent are stored before the call.
        var entry = world.Plane.Peek(ResourceTypes.ManagedResources, null, mark.Name);
        if (entry is null)
            Break($"L4: {collection} is made for {mark.Name}, which has no entry");
        else if (entry.Metadata.Finalizers?.Contains(Finalizers.Platform) != true)
            Break($"L4: {collection} is made for {mark.Name}, whose entry has no finalizer");
        else if (entry.Spec.Record.Intent is null)
            Break($"L4: {collection} is made for {entry.Spec.Kind} {mark.Name} without a stored intent");
        else if (entry.Spec.Record.Incarnation != mark.Incarnation)
            Break($"L1: {collection} is made for incarnation {mark.Incarnation} of {mark.Name}, the ledger says {entry.Spec.Record.Incarnation}");
        else if (!entry.Spec.Wanted)
            Break($"{collection} is made for {entry.Spec.Kind} {mark.Name}, which nobody wants");
        if (entry is not null)
        {
            Order(collection, mark, entry);
            Held(collection, entry.Spec.Owner);
        }
        if (entry?.Spec.Owner.Namespace == FaultWorld.Stranger)
            Break($"L14: {collection} is made for namespace {FaultWorld.Stranger}");
    }

    private void Order(string collection, Mark mark, Resources.Providers.ManagedResource entry)
    {
        // L6: the next incarnation begins only when the one before is gone.
        foreach (var older in world.Cloud.Objects.Where(o => o.Collection == collection && !IsPlanted(o.Id) && !Findings.Contains(o.Id)))
            if (Marks.Parse(older.Labels ?? ImmutableSortedDictionary<string, string>.Empty) is { } other && other.Name == mark.Name
                && other.Installation == FaultWorld.Installation && other.Part == mark.Part && other.Incarnation != mark.Incarnation)
                Break($"L6: {collection} of incarnation {mark.Incarnation} is made while incarnation {other.Incarnation} exists");
        // L7: what it depends on comes first.
        foreach (var dependency in entry.Spec.DependsOn ?? [])
            if (world.Plane.Peek(ResourceTypes.ManagedResources, null, dependency.Name) is not { } needed || needed.Spec.Record.Parts is not { Count: > 0 })
                Break($"L7: {collection} is made before the {dependency.As} that it depends on");
        if (entry.Spec.Owner.Kind == "Instance" && world.Plane.Peek(ResourceTypes.Instances, entry.Spec.Owner.Namespace, entry.Spec.Owner.Name)?.Metadata.Uid != entry.Spec.Owner.Uid)
            Break($"OwnerLost: {collection} is made for an Instance that doesn't exist any more");
    }

    /// <summary>What the platform said to a mutation.</summary>
    public void Answered(HttpMethod method, string path, int status, string body)
    {
        // Parts of one resource may hold each other while one of them is still hidden.
        if (method == HttpMethod.Delete && status == 409 && body.Contains("IN_USE", StringComparison.Ordinal) && path.Split('/')[2] is not (Collections.Nics or Collections.BootDisks))
            Break($"L7: {method} {path.Split('/')[2]} although something depends on it");
    }

    private void Change(Life life, HttpMethod method, CloudObject target, string body)
    {
        if (method == HttpMethod.Delete && (Kept.GetValueOrDefault(target.Id) ?? KeptIf(target)) is { } why)
            Break($"{why}: {method} of {target.Collection}");
        var mark = Marks.Parse(target.Labels ?? ImmutableSortedDictionary<string, string>.Empty);
        Relabelled(method, target, mark, body);
        if (mark is null || mark.Installation != FaultWorld.Installation)
        {
            if (!(mark is null && method == HttpMethod.Patch && world.MayAdopt(target)))
                Break($"L3: {method} of {target.Collection}, which isn't ours ({(mark is null ? "no mark" : mark.Installation)})");
            return;
        }
        var entry = world.Plane.Peek(ResourceTypes.ManagedResources, null, mark.Name);
        if (entry is null)
        {
            Collects(life, method, target, mark);
            return;
        }
        if (entry.Spec.Record.Parts is { } recorded && entry.Spec.Record.Incarnation == mark.Incarnation
            && PartOf(target) is { } part && recorded.FirstOrDefault(p => p.Name == (mark.Part ?? part)) is { } known && known.Id != target.Id)
            Break($"L3: {method} of {target.Collection}, a copy: the entry records {known.Name} as another object");
        if (method == HttpMethod.Delete && entry.Spec.Wanted && !entry.Spec.Record.Retiring && mark.Incarnation >= entry.Spec.Record.Incarnation)
            Break($"{method} of {target.Collection} for {entry.Spec.Kind}, which is wanted and not being replaced");
    }

    private static string? PartOf(CloudObject target) => target.Collection == Collections.Servers ? "server" : null;

    /// <summary>Something changed at the API server.</summary>
    public void Changed(string type, WatchEventType what, JsonObject value)
    {
        if (!type.Contains("leases", StringComparison.Ordinal))
        {
            Writes++;
            LastWrite = world.Time.Now;
        }
        if (what != WatchEventType.Deleted || !type.Contains("managedresources", StringComparison.Ordinal))
            return;
        var name = value["metadata"]!["name"]!.GetValue<string>();
        var retained = value["spec"]?["policies"]?["retain"]?.GetValue<bool>() == true;
        if (retained || _losing || world.MayAbandon(name))
            return;
        // L6: an entry goes only after its objects.
        var left = world.Cloud.Objects.Where(o => !IsPlanted(o.Id) && !Findings.Contains(o.Id)
            && Marks.Parse(o.Labels ?? ImmutableSortedDictionary<string, string>.Empty) is { } mark && mark.Name == name && mark.Installation == FaultWorld.Installation).ToList();
        if (left.Count > 0)
            Break($"L6: the entry of {value["spec"]!["kind"]} {name[..6]} is let go of while {string.Join(", ", left.Select(o => o.Collection))} exists");
    }

    /// <summary>Objects with our mark that have neither an entry nor a word about them where people read it: among the findings or, when they were to be kept, beside them.</summary>
    public IEnumerable<string> Untold()
    {
        var names = world.Entries.Select(e => e.Metadata.Name!).ToHashSet(StringComparer.Ordinal);
        var configs = world.Plane.Live(ResourceTypes.ProviderConfigs);
        var told = configs.SelectMany(c => c.Status?.Findings?.Items ?? []).Select(f => f.Id).ToHashSet(StringComparer.Ordinal);
        var kept = configs.SelectMany(RetainedObjects.Of).ToHashSet(StringComparer.Ordinal);
        foreach (var item in world.Cloud.Objects)
            if (!IsPlanted(item.Id) && Marks.Parse(item.Labels ?? ImmutableSortedDictionary<string, string>.Empty) is { } mark
                && mark.Installation == FaultWorld.Installation && !names.Contains(mark.Name) && !told.Contains(item.Id) && !kept.Contains(mark.Name)
                // What a server holds is told with it.
                && !(item.AttachedTo is { } holder && told.Contains(holder)))
                yield return $"{item.Collection} {item.Id}";
    }

    /// <summary>What holds once everything rests.</summary>
    public void AtEnd()
    {
        // L2: every object with our mark has an entry, or is a finding.
        var names = world.Entries.Select(e => e.Metadata.Name!).ToHashSet(StringComparer.Ordinal);
        // What was on its way between the proof and the call when the account changed landed where nobody looks any more: see Mutation.
        foreach (var item in world.Cloud.Objects.Concat(world.Other.Objects.Where(o => o.CreatedAt - world.OtherSince >= TimeSpan.FromSeconds(1))))
            if (!IsPlanted(item.Id) && !Findings.Contains(item.Id) && Marks.Parse(item.Labels ?? ImmutableSortedDictionary<string, string>.Empty) is { } mark
                && mark.Installation == FaultWorld.Installation && !names.Contains(mark.Name))
                Break($"L2: {item.Collection} {item.State} has our mark and no entry");
        foreach (var item in Untold())
            Break($"L2: {item} has our mark, no entry, and nobody was told");
        foreach (var entry in world.Entries)
            foreach (var item in world.Cloud.Objects.Where(o => !IsPlanted(o.Id) && !Findings.Contains(o.Id)))
                if (Marks.Parse(item.Labels ?? ImmutableSortedDictionary<string, string>.Empty) is { } mark && mark.Name == entry.Metadata.Name && mark.Incarnation != entry.Spec.Record.Incarnation)
                    Break($"the ledger has incarnation {entry.Spec.Record.Incarnation} of {entry.Spec.Kind}, {item.Collection} is of {mark.Incarnation}");
        // L3: what isn't ours is as it was.
        foreach (var (id, before) in _planted)
            if (world.Cloud.Objects.FirstOrDefault(o => o.Id == id) is not { } now)
                Break($"L3: {before.Collection} {before.Name} is gone");
            else if (now.Generation != before.Generation)
                Break($"L3: {before.Collection} {before.Name} was changed");
        // L14: nothing of the stranger's reached the platform or the ledger.
        if (world.Entries.Any(e => e.Spec.Owner.Namespace == FaultWorld.Stranger))
            Break($"L14: the ledger has an entry for namespace {FaultWorld.Stranger}");
        SearchForSecrets();
    }

    /// <summary>L12, in everything that a person or another program can read.</summary>
    private void SearchForSecrets()
    {
        string[] secrets = [FaultWorld.Canary, Convert.ToBase64String(Encoding.UTF8.GetBytes(FaultWorld.Canary)), "canary-credential"];
        var texts = world.Log.Select(l => ("the log", l)).Concat(_said.Select(s => ("a request's address", s)))
            .Concat(world.Plane.Texts("secrets").Select(t => ("the API server", t)));
        foreach (var (where, text) in texts)
            if (secrets.Any(s => text.Contains(s, StringComparison.Ordinal)))
                Break($"L12: a secret stands in {where}");
    }
}
