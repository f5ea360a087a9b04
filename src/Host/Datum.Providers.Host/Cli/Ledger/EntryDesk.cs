using Datum.Providers.Engine;
using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Cli.Ledger;

/// <summary>Result of <c>abandon</c>, <c>release</c> and <c>settle</c>.</summary>
internal sealed record EntryDecisionResult
{
    public required string Entry { get; init; }

    public required string Kind { get; init; }

    /// <summary>Kind and name.</summary>
    public required string Owner { get; init; }

    /// <summary>Provider ids of all recorded parts, in the order of the record.</summary>
    public required IReadOnlyList<string> ProviderIds { get; init; }

    /// <summary>What was done.</summary>
    public required string Done { get; init; }

    public static void Write(EntryDecisionResult result, TextResult text) =>
        text.Line(new Styled("done", Tone.Good), $": {result.Kind} {result.Entry} of {result.Owner}: {result.Done}");
}

/// <summary>Finds an entry and its owner live, and carries out what a person decides about it. No platform is called.</summary>
internal sealed class EntryDesk(IKubernetesClient client, TimeProvider time)
{
    private const int ShortestPrefix = 4;

    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>The entry of a name, or of a beginning that only one name has.</summary>
    /// <exception cref="CliException">None, or several.</exception>
    public async Task<(ManagedResource Entry, List<ManagedResource> Ledger)> FindAsync(string name, CancellationToken cancellation)
    {
        var ledger = await InstallationVerdict.LedgerAsync(client, cancellation);
        var found = ledger.Where(e => e.Metadata.Name == name || (name.Length >= ShortestPrefix && e.Metadata.Name!.StartsWith(name, StringComparison.Ordinal))).ToList();
        return found switch
        {
            [var one] => (one, ledger),
            [] => throw new CliException($"There is no ManagedResource {name}. kubectl get dmr shows them{(name.Length < ShortestPrefix ? $"; the beginning of a name needs {ShortestPrefix} characters" : "")}."),
            _ => throw new CliException($"{name} is the beginning of {found.Count} names: {string.Join(", ", found.Select(e => $"{e.Metadata.Name} ({e.Spec.Kind} of {EntryRules.Owner(e)})"))}. Give more of it."),
        };
    }

    public async Task<OwnerState> OwnerAsync(ManagedResource entry, CancellationToken cancellation)
    {
        // Its owner is in a project's plane, and that it isn't here says nothing.
        if (entry.Metadata.Label(Labels.Project) is not null)
            return OwnerState.Unknown;
        var owner = entry.Spec.Owner;
        var key = new ObjectKey(owner.Namespace, owner.Name);
        async Task<OwnerState> Ask<T>(ResourceType<T> type) where T : KubeObject =>
            await client.FindAsync(type, key, cancellation) is not { } live || live.Metadata.Uid != owner.Uid ? OwnerState.Gone : live.IsDeleting ? OwnerState.Deleting : OwnerState.Exists;
        return owner.Kind switch
        {
            "Instance" => await Ask(ResourceTypes.Instances),
            "Network" => await Ask(ResourceTypes.Networks),
            "NetworkContext" => await Ask(ResourceTypes.NetworkContexts),
            "Subnet" => await Ask(ResourceTypes.Subnets),
            _ => OwnerState.Unknown,
        };
    }

    public async Task AbandonAsync(ManagedResource entry, CancellationToken cancellation)
    {
        await TellAsync(entry, Reasons.Abandoned, $"A person let go of ManagedResource {entry.Metadata.Name} ({entry.Spec.Kind}, driver {entry.Spec.Driver}): whatever is at the platform stays there{Ids(entry)}.", cancellation);
        await LedgerOf(entry).ReleaseAsync(entry, cancellation);
        await ReleaseOwnerAsync(entry, cancellation);
    }

    public async Task ReleaseAsync(ManagedResource entry, CancellationToken cancellation)
    {
        await LedgerOf(entry).UpdateAsync(entry, e => e.Spec.Wanted = false, cancellation);
        await TellAsync(entry, Reasons.ReleasedByPerson, $"A person said that ManagedResource {entry.Metadata.Name} ({entry.Spec.Kind}) isn't wanted any more: it is deleted at the platform{Ids(entry)}.", cancellation);
    }

    /// <param name="made">The provider id of what the open create made; null when it made nothing.</param>
    public async Task SettleAsync(ManagedResource entry, string? made, CancellationToken cancellation)
    {
        var intent = entry.Spec.Record.Intent!;
        var part = intent.Part ?? intent.Step;
        await LedgerOf(entry).UpdateAsync(entry, e =>
        {
            var record = e.Spec.Record;
            record.Intent = null;
            if (made is null)
                // Known not to have been applied: the next attempt has a token of its own.
                (record.Refused ??= [])[part] = record.Refused.GetValueOrDefault(part) + 1;
            else
            {
                (record.Parts ??= []).RemoveAll(p => p.Name == part);
                record.Parts.Add(new RecordedPart { Name = part, Id = made });
            }
        }, cancellation);
        await TellAsync(entry, Reasons.ConfirmedByPerson, $"A person said that the create '{intent.Step}' of ManagedResource {entry.Metadata.Name} ({entry.Spec.Kind}) made {made ?? "nothing"}.", cancellation);
    }

    public static EntryDecisionResult Result(ManagedResource entry, string done) => new()
    {
        Entry = entry.Metadata.Name!, Kind = entry.Spec.Kind, Owner = EntryRules.Owner(entry), ProviderIds = [.. (entry.Spec.Record.Parts ?? []).Select(p => p.Id)], Done = done,
    };

    private static string Ids(ManagedResource entry) => entry.Spec.Record.Parts is { Count: > 0 } parts ? $" ({string.Join(", ", parts.Select(p => $"{p.Name} {p.Id}"))})" : "";

    /// <summary>An owner that goes and has nothing left isn't held any longer, also where no host runs.</summary>
    private async Task ReleaseOwnerAsync(ManagedResource entry, CancellationToken cancellation)
    {
        var owner = entry.Spec.Owner;
        var left = await client.ListAsync(ResourceTypes.ManagedResources, new ListOptions { LabelSelector = $"{Labels.OwnerUid}={owner.Uid}" }, cancellation);
        if (left.Items.Count + left.Unreadable.Count > 0)
            return;
        async Task Let<T>(ResourceType<T> type) where T : KubeObject
        {
            if (await client.FindAsync(type, new ObjectKey(owner.Namespace, owner.Name), cancellation) is not { IsDeleting: true } live || live.Metadata.Uid != owner.Uid || !live.Metadata.HasFinalizer(Finalizers.Platform))
                return;
            var after = type.Clone(live);
            after.Metadata.Finalizers!.Remove(Finalizers.Platform);
            try
            {
                await client.PatchAsync(type, live.Key, Patches.MetadataAndSpec(type, live, after)!, null, cancellation);
            }
            catch (KubernetesException e) when (e.IsNotFound || e.IsConflict)
            {
                // The host was faster.
                return;
            }
        }
        await (owner.Kind switch
        {
            "Instance" => Let(ResourceTypes.Instances),
            "Network" => Let(ResourceTypes.Networks),
            "NetworkContext" => Let(ResourceTypes.NetworkContexts),
            "Subnet" => Let(ResourceTypes.Subnets),
            _ => Task.CompletedTask,
        });
    }

    private Task TellAsync(ManagedResource entry, string reason, string message, CancellationToken cancellation) =>
        new EventRecorder(_ => client, SystemScheduler.Instance, NullLogger<EventRecorder>.Instance).RecordAsync(entry, warning: true, reason, message, cancellation).AsTask();

    private LedgerStore LedgerOf(ManagedResource entry)
    {
        var home = new HomePlane { Client = client, Installation = entry.Spec.Installation, Namespace = "", Entries = new ObjectCache<ManagedResource>(), Configs = new ObjectCache<ProviderConfig>() };
        home.Prepare();
        return new LedgerStore(home);
    }
}
