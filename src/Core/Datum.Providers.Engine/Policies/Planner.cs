using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Provisioning;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Engine.Policies;

/// <summary>
/// What would be done at the platforms for the caches as they are: translation, Validate, Observe and the pure decision. Nothing is
/// written and no verb that changes anything is called; give it a <see cref="ReadOnlyClient"/> and a <see cref="ReadOnlyConnector"/>.
/// </summary>
public sealed class Planner
{
    private static readonly TimeSpan LongestOpening = TimeSpan.FromSeconds(60);

    private readonly HomePlane _home;
    private readonly ProjectPlane _plane;
    private readonly LedgerStore _ledger;
    private readonly SessionManager _sessions;
    private readonly EntryWriter _writer;
    private readonly NetworkPlaces _places;
    private readonly InstanceWishes _instances;
    private readonly NetworkWishes _networks;
    private readonly PayloadSource _payloads;
    private readonly IScheduler _scheduler;

    /// <summary>The caches' indexes are added here, so call it before the caches are filled.</summary>
    public Planner(HomePlane home, ProjectPlane plane, ReadOnlyConnector drivers, ICredentialSource credentials, IScheduler scheduler, ILoggerFactory logging, bool development)
    {
        home.Prepare();
        NetworkPlaces.Prepare(plane);
        (_home, _plane, _scheduler) = (home, plane, scheduler);
        _ledger = new LedgerStore(home);
        _sessions = new SessionManager(home, drivers, credentials, scheduler, logging.CreateLogger<SessionManager>());
        var resolver = new LocationResolver(home, plane, drivers, development);
        _writer = new EntryWriter(home, plane, _ledger, new ChangeCauses("plan"));
        _places = new NetworkPlaces(plane, _writer);
        _instances = new InstanceWishes(plane, resolver, _writer, _places);
        _networks = new NetworkWishes(resolver, _writer, _places);
        _payloads = new PayloadSource(id => id == plane.Id ? plane.Client : null, development ? null : home.Namespace);
    }

    /// <summary>What would be done for an Instance, which need not exist yet.</summary>
    public async Task<IReadOnlyList<PlannedEntry>> ForInstanceAsync(Instance instance, CancellationToken cancellation)
    {
        var wishes = _instances.Of(instance);
        if (wishes.Entries.IsEmpty)
            return [Unmade("Instance", instance.Key.ToString(), "Instance", wishes.Reason, wishes.Message, instance.Metadata.Uid)];
        return await ForAsync(wishes.Entries, cancellation).ConfigureAwait(false);
    }

    /// <summary>What would be done for a Network at all of its Locations.</summary>
    public async Task<IReadOnlyList<PlannedEntry>> ForNetworkAsync(Network network, CancellationToken cancellation)
    {
        var planned = new List<PlannedEntry>();
        var contexts = _places.ContextsOf(network);
        if (contexts.Count == 0)
            planned.Add(Unmade("Network", network.Key.ToString(), "Network", null, "It is made at a platform with the first Instance that uses it there.", network.Metadata.Uid));
        foreach (var context in contexts)
        {
            var wish = _networks.Of(network, context);
            if (wish is not { Place: { } place, Network: { } wanted })
            {
                planned.Add(Unmade("Network", network.Key.ToString(), "Network", wish.Reason, wish.Reason is null ? $"NetworkContext {context.Metadata.Name}: its address range isn't allocated yet." : wish.Message, context.Metadata.Uid));
                continue;
            }
            // Locations of one sharing scope share the Network's entry, each with Subnets of its own.
            var wishes = new List<EntryWish>();
            if (!planned.Exists(p => p.Entry == wish.Name))
                wishes.Add(wanted);
            if (place.Driver.Capabilities.Subnets is SubnetSupport.Separate)
                wishes.AddRange(_places.SubnetsOf(context).Where(s => !s.IsDeleting)
                    .Select(s => (Subnet: s, Prefix: NetworkPlaces.PrefixOf(s))).Where(s => s.Prefix is not null).Select(s => _networks.OfSubnet(network, place, s.Subnet, s.Prefix!, wish.Name)));
            planned.AddRange(await ForAsync(wishes, cancellation).ConfigureAwait(false));
        }
        return planned;
    }

    /// <summary>What would be done with the entries of an owner that is deleted.</summary>
    public async Task<IReadOnlyList<PlannedEntry>> ForGoneAsync(KubeObject owner, CancellationToken cancellation)
    {
        var planned = new List<PlannedEntry>();
        foreach (var known in _ledger.OwnedBy(owner.Metadata.Uid ?? "").OrderBy(e => e.Spec.Kind == nameof(ResourceKind.Instance) ? 0 : 1))
        {
            var entry = ResourceTypes.ManagedResources.Clone(known);
            entry.Spec.Wanted = false;
            if (_home.Configs.Find(new ObjectKey(null, entry.Spec.ProviderConfig)) is { } config)
                entry.Spec.Policies = PolicyReader.Read(owner.Metadata, config).Policies;
            planned.Add(await ForEntryAsync(known, entry, cancellation).ConfigureAwait(false));
        }
        return planned;
    }

    /// <summary>Closes the sessions.</summary>
    public void Close() => _sessions.Close();

    private async Task<IReadOnlyList<PlannedEntry>> ForAsync(IEnumerable<EntryWish> wishes, CancellationToken cancellation)
    {
        var planned = new List<PlannedEntry>();
        foreach (var wish in wishes)
        {
            var known = _ledger.Find(_writer.NameOf(wish.Kind, wish.Owner.Uid, wish.Slot));
            planned.Add(await ForEntryAsync(known, _writer.Compose(wish, known), cancellation).ConfigureAwait(false));
        }
        return planned;
    }

    private async Task<PlannedEntry> ForEntryAsync(ManagedResource? known, ManagedResource entry, CancellationToken cancellation)
    {
        var config = _home.Configs.Find(new ObjectKey(null, entry.Spec.ProviderConfig));
        var planned = new PlannedEntry
        {
            Entry = entry.Metadata.Name!, Kind = entry.Spec.Kind, Owner = $"{entry.Spec.Owner.Kind} {entry.Spec.Owner.Namespace}/{entry.Spec.Owner.Name}",
            ProviderConfig = entry.Spec.ProviderConfig, ProviderId = entry.Spec.Record.Parts is [{ Id: var id }, ..] ? id : null,
            Held = PolicyHold.Of(entry, config, Free.Instance)?.Message,
        };
        if (known is not null && !known.Spec.Wanted && entry.Spec.Wanted)
            return planned with { Action = PlannedAction.Wait, Reason = Reasons.Deleting, Message = "The entry is on its way out." };
        var answer = await SessionAsync(entry, cancellation).ConfigureAwait(false);
        var kind = EntryIdentity.KindOf(entry);
        if (answer.Session is not { } session || session.Verbs(kind) is not { } verbs || session.Describe(kind) is not { } descriptor)
            return planned with { Action = PlannedAction.Unknown, Reason = answer.Session is null ? answer.Reason : Reasons.Unsupported, Message = answer.Session is null ? answer.Message : $"Driver {answer.Session.Descriptor.Id} has no {kind}." };
        if (entry.Spec.Record.AccountId is { } account && account != session.Account.AccountId)
            return planned with { Action = PlannedAction.Unknown, Reason = Reasons.AccountChanged, Message = $"The entry was made in account {account}, the session proves {session.Account.AccountId}: nothing would be changed." };
        try
        {
            return await LookAsync(planned, known, entry, config, verbs, descriptor, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is DriverException or JsonException)
        {
            return planned with { Action = PlannedAction.Unknown, Reason = e is DriverException d ? d.Error.Code.ToString() : Reasons.Invalid, Message = e.Message };
        }
    }

    private async Task<PlannedEntry> LookAsync(
        PlannedEntry planned, ManagedResource? known, ManagedResource entry, ProviderConfig? config, KindVerbs verbs, KindDescriptor descriptor, CancellationToken cancellation)
    {
        var build = entry.Spec.Wanted && !entry.Spec.Record.Retiring;
        var identity = EntryIdentity.Of(entry);
        using var scope = Calls.New(_scheduler, descriptor.CallTimeout * 3, cancellation, _payloads.For(entry));
        if (build)
        {
            var findings = await verbs.ValidateAsync(scope.Call, entry.Spec.Desired ?? default, PartsOf).ConfigureAwait(false);
            if (findings.Where(f => !f.Tolerated).ToList() is { Count: > 0 } refused)
                return planned with { Action = PlannedAction.Refused, Reason = Reasons.Unsupported, Message = string.Join(" ", refused.Select(f => $"{f.Path}: {f.Message}")) };
        }
        var looked = await verbs.ObserveAsync(scope.Call, identity, build ? entry.Spec.Desired : null, HandleOf(entry, verbs), PartsOf).ConfigureAwait(false);
        if (looked.Error is { } error)
            return planned with { Action = PlannedAction.Unknown, Reason = error.Code.ToString(), Message = error.Message };
        var look = looked.Value!;
        AskedAdoption? adoption = null;
        if (DecisionInputs.AdoptionAskedOf(entry, look) is var (policy, candidate) && verbs.Adoption is { } adopting)
        {
            var inspected = await adopting.InspectAsync(scope.Call, identity, candidate).ConfigureAwait(false);
            if (inspected.Error is { } missing)
                return planned with { Action = PlannedAction.Refused, Reason = missing.Code.ToString(), Message = $"metadata.annotations[{Annotations.AdoptId}]: '{candidate}': {missing.Message}" };
            adoption = new AskedAdoption(policy, candidate, inspected.Value!.Mark, inspected.Value.Owner);
        }
        // What isn't ready yet is made before it; a plan tells the end, not the order.
        var input = DecisionInputs.Of(entry, look, descriptor, config, _ledger, _scheduler.Time.GetUtcNow()) with { Adoption = adoption, NotReady = [] };
        return PlannedChanges.Of(planned with { ProviderId = look.Parts is [{ Id: var found }, ..] ? found : planned.ProviderId }, known, entry, look, Decider.Decide(input), descriptor);
    }

    private async Task<SessionAnswer> SessionAsync(ManagedResource entry, CancellationToken cancellation)
    {
        var until = _scheduler.Time.GetUtcNow() + LongestOpening;
        while (true)
        {
            var answer = await _sessions.ForEntryAsync(entry, cancellation).ConfigureAwait(false);
            if (answer.Session is not null || answer.Reason != Reasons.Waiting || _scheduler.Time.GetUtcNow() >= until)
                return answer;
        }
    }

    private ImmutableArray<Part> PartsOf(string entryName) =>
        [.. (_ledger.Find(entryName)?.Spec.Record.Parts ?? []).Select(p => new Part { Name = p.Name, Id = p.Id })];

    private static Handle? HandleOf(ManagedResource entry, KindVerbs verbs) =>
        verbs.Kind is not ResourceKind.Unknown && entry.Spec.Record.Handle is { } h ? new Handle { Data = h.Data, ExpiresAt = h.ExpiresAt } : null;

    private static PlannedEntry Unmade(string kind, string owner, string ownerKind, string? reason, string message, string? uid) => new()
    {
        Entry = "", Kind = kind, Owner = $"{ownerKind} {owner}", Reason = reason, Message = message,
        // A wish that is refused, or a thing that waits for its place.
        Action = reason is null or Reasons.PendingProgramming ? uid is null ? PlannedAction.Create : PlannedAction.Wait : PlannedAction.Refused,
    };

    /// <summary>No lease and no flag of a process holds a plan back.</summary>
    private sealed class Free : IMutationGate
    {
        public static readonly Free Instance = new();
        public string Holder => "plan";
        public bool ObserveOnly => false;
        public bool MayMutate(TimeSpan timeout) => false;
    }
}
