using System.Text.Json.Nodes;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Collect;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Sdk;

namespace Datum.Providers.Faults.Tests.World;

/// <summary>Whose an object is, and when one that the ledger doesn't know may be deleted (laws L3 and L13).</summary>
internal sealed partial class Oracle
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    /// <summary>The host counts a deletion from when it stored it, which is a moment before it arrives here.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromMinutes(1);

    private readonly Dictionary<(Life Life, string Collection), (DateTimeOffset Began, List<CloudObject> Items)> _pages = [];
    private readonly Dictionary<(Life Life, string Collection), Dictionary<string, (DateTimeOffset First, int Times)>> _shown = [];
    private readonly Dictionary<(string Name, long Incarnation), DateTimeOffset> _collected = [];

    /// <summary>Objects that no host may delete, by id, with the law that says so.</summary>
    public Dictionary<string, string> Kept { get; } = new(StringComparer.Ordinal);

    /// <summary>The same by what an object is at that moment; null for one that may go.</summary>
    public Func<CloudObject, string?> KeptIf { get; set; } = static _ => null;

    /// <summary>A page of a listing as a host sees it. The ones for all objects of a kind are counted: what a whole one shows, and what it shows no more.</summary>
    public void Listed(Life life, Uri address, DateTimeOffset began, byte[] body)
    {
        var query = Query(address);
        // A search for one identity says nothing about the others.
        if (query.GetValueOrDefault("name") is not null || query.GetValueOrDefault("labels")?.Split(',') is not { Length: 2 })
            return;
        var key = (life, address.AbsolutePath.Split('/')[^1]);
        // What another account shows says nothing of this one's objects.
        if (world.IsOther(began))
            return;
        var page = JsonNode.Parse(body)!.AsObject();
        var pages = query.ContainsKey("after") && _pages.TryGetValue(key, out var known) ? known : (Began: began, Items: []);
        foreach (var item in page["items"]!.AsArray())
            pages.Items.Add(world.Cloud.Objects.FirstOrDefault(o => o.Id == item!["id"]!.GetValue<string>()) ?? new CloudObject { Id = item!["id"]!.GetValue<string>(), Collection = key.Item2 });
        _pages[key] = pages;
        var twice = pages.Items.DistinctBy(i => i.Id).Count() != pages.Items.Count;
        if (twice || page["unreachable"] is JsonArray { Count: > 0 })
            _shown.Remove(key);
        else if (page["next"] is null)
            _shown[key] = pages.Items.SelectMany(i => (IEnumerable<string>)[i.Id, .. i.NicIds ?? [], .. i.BootDiskId is { } boot ? [boot] : ImmutableArray<string>.Empty])
                .Distinct(StringComparer.Ordinal)
                .ToDictionary(id => id, id => _shown.GetValueOrDefault(key)?.TryGetValue(id, out var before) == true ? (before.First, before.Times + 1) : (pages.Began, 1), StringComparer.Ordinal);
    }

    /// <summary>L13: a deletion of something with our mark and without an entry.</summary>
    private void Collects(Life life, HttpMethod method, CloudObject target, Mark mark)
    {
        var what = $"{method} of {target.Collection} for {mark.Name}, which has no entry";
        if (world.Plane.Peek(ResourceTypes.ProviderConfigs, null, "sim") is not { Spec.Collector: { Policy: CollectorPolicy.Delete } settings } config || method != HttpMethod.Delete)
        {
            Break($"L3: {what}");
            return;
        }
        if (RetainedObjects.Of(config).Contains(mark.Name))
            Break($"L13: {what}, although a person keeps it");
        var floor = GoDuration.TryParse(settings.AgeFloor, out var given, out _) ? given : Hour;
        var shown = _shown.Where(s => s.Key.Life == life).Select(s => s.Value.GetValueOrDefault(target.Id)).Where(s => s.Times > 0).ToList();
        if (!shown.Any(s => s.Times >= 2))
            Break($"L13: {what}, seen in {shown.Select(s => s.Times).DefaultIfEmpty(0).Max()} whole listings in a row");
        else if (world.Time.Now - shown.Min(s => s.First) < floor || world.Time.Now - target.CreatedAt < floor)
            Break($"L13: {what}, younger than the age floor of {floor}");
        var identity = (mark.Name, mark.Incarnation);
        if (_collected.TryGetValue(identity, out var begun) && begun > world.Time.Now - Hour)
            return;
        if (settings.Budget is { } budget && _collected.Values.Count(t => t > world.Time.Now - Hour + Slack) >= budget)
            Break($"L13: {what}, beyond the budget of {budget} an hour");
        _collected[identity] = world.Time.Now;
    }

    /// <summary>L3: marks change hands only as policies say: on, where an entry names the object to be adopted; off, where one retains it.</summary>
    private void Relabelled(HttpMethod method, CloudObject target, Mark? before, string body)
    {
        if (method != HttpMethod.Patch || JsonNode.Parse(body)?["labels"] is not JsonObject labels)
            return;
        var after = Marks.Parse(labels.ToImmutableSortedDictionary(l => l.Key, l => l.Value!.GetValue<string>(), StringComparer.Ordinal));
        if (after == before)
            return;
        if (before is not null && after is not null)
            Break($"L3: the mark of {target.Collection} goes from {Marks.ToText(before)} to {Marks.ToText(after)}");
        var entry = world.Plane.Peek(ResourceTypes.ManagedResources, null, (after ?? before)!.Name);
        if (after is null && entry is not { Spec: { Wanted: false, Policies.Retain: true } })
            Break($"L3: the mark of {target.Collection} is taken off, and no entry says so");
        if (before is null && (entry is not { Spec: { Wanted: true, Policies: { Adopt: AdoptPolicy.Always, AdoptId.Length: > 0 } } } || entry.Metadata.Finalizers?.Contains(Finalizers.Platform) != true || entry.Spec.Record.AccountId is null))
            Break($"L4: {target.Collection} is adopted, and no stored entry says so");
    }

    /// <summary>L4: an owner isn't let go of while it has something.</summary>
    private void Held(string collection, ResourceOwner owner)
    {
        var metadata = owner.Kind switch
        {
            "Instance" => world.Plane.Peek(ResourceTypes.Instances, owner.Namespace, owner.Name)?.Metadata,
            "Network" => world.Plane.Peek(ResourceTypes.Networks, owner.Namespace, owner.Name)?.Metadata,
            "NetworkContext" => world.Plane.Peek(ResourceTypes.NetworkContexts, owner.Namespace, owner.Name)?.Metadata,
            "Subnet" => world.Plane.Peek(ResourceTypes.Subnets, owner.Namespace, owner.Name)?.Metadata,
            _ => null,
        };
        if (metadata is not null && metadata.Uid == owner.Uid && !metadata.HasFinalizer(Finalizers.Platform))
            Break($"L4: {collection} is made for {owner.Kind} {owner.Name}, which has no finalizer of ours");
    }

    private static Dictionary<string, string> Query(Uri address) => address.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
        .Select(p => p.Split('=', 2)).ToDictionary(p => p[0], p => p.Length > 1 ? Uri.UnescapeDataString(p[1]) : "", StringComparer.Ordinal);
}
