using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>
/// Reads a plane: one listing for each kind, however many objects there are. A kind that may not be read is noted and the rest goes on.
/// </summary>
internal sealed class SnapshotReader(IKubernetesClient client, TimeProvider time)
{
    /// <summary>The name of the host's lease.</summary>
    public const string LeaseName = "datum-providers";

    /// <summary>Up to this many owners the ledger is asked for theirs alone; the list of UIDs is part of the URL.</summary>
    private const int MaxOwnersAsked = 60;

    /// <summary>Further namespaces whose networks are read, when bindings lead there.</summary>
    private const int MaxNamespaces = 3;

    private readonly Lock _gate = new();

    public async Task<PlaneSnapshot> ReadAsync(TraceTarget target, CancellationToken cancellation)
    {
        var snapshot = new PlaneSnapshot { Now = time.GetUtcNow() };
        var ns = target.Namespace;
        if (target.Kind.Kind == ResourceTypes.ManagedResources.Kind)
        {
            // The entry names its owner, and that the namespace.
            if (await FindAsync(target.Name, cancellation) is not { } entry)
                return await WholeLedgerAsync(snapshot, cancellation);
            snapshot.Entries.Add(entry);
            ns = entry.Spec.Owner.Namespace;
        }

        var lists = new List<Task>
        {
            ListAsync(snapshot, ResourceTypes.Locations, snapshot.Locations, null, ns, cancellation),
            ListAsync(snapshot, ResourceTypes.ComputeLocations, snapshot.Locations, null, ns, cancellation, mayLack: true),
            ListAsync(snapshot, ResourceTypes.ProviderConfigs, snapshot.Configs, null, null, cancellation),
            ListAsync(snapshot, ResourceTypes.ProviderDrivers, snapshot.Drivers, null, null, cancellation),
            ListAsync(snapshot, Core.Leases, snapshot.Leases, null, null, cancellation, field: $"metadata.name={LeaseName}"),
        };
        if (ns is not null && target.Kind.Kind is not "Location")
        {
            lists.Add(ListAsync(snapshot, ResourceTypes.Workloads, snapshot.Workloads, ns, null, cancellation));
            lists.Add(ListAsync(snapshot, ResourceTypes.WorkloadDeployments, snapshot.Deployments, ns, null, cancellation));
            lists.Add(ListAsync(snapshot, ResourceTypes.Instances, snapshot.Instances, ns, null, cancellation));
            lists.Add(ListAsync(snapshot, ResourceTypes.NetworkBindings, snapshot.Bindings, ns, null, cancellation));
            lists.AddRange(Networks(snapshot, ns, cancellation));
        }
        await Task.WhenAll(lists);

        foreach (var other in snapshot.Bindings.Select(b => b.Spec.Network.Namespace).OfType<string>().Where(n => n.Length > 0 && n != ns).Distinct(StringComparer.Ordinal).Take(MaxNamespaces))
            await Task.WhenAll(Networks(snapshot, other, cancellation));
        if (ns is not null && target.Kind.Kind is not "Location")
            await LedgerAsync(snapshot, cancellation);
        // A Location of the networking group wins over one of the compute group.
        var shadowed = snapshot.Locations.Where(l => l.ApiVersion?.StartsWith(ResourceTypes.NetworkingGroup, StringComparison.Ordinal) == true).Select(l => l.Key).ToHashSet();
        snapshot.Locations.RemoveAll(l => l.ApiVersion?.StartsWith(ResourceTypes.ComputeGroup, StringComparison.Ordinal) == true && shadowed.Contains(l.Key));
        return snapshot;
    }

    private IEnumerable<Task> Networks(PlaneSnapshot snapshot, string ns, CancellationToken cancellation)
    {
        snapshot.NetworksListed.Add(ns);
        return
        [
            ListAsync(snapshot, ResourceTypes.Networks, snapshot.Networks, ns, null, cancellation),
            ListAsync(snapshot, ResourceTypes.NetworkContexts, snapshot.Contexts, ns, null, cancellation),
            ListAsync(snapshot, ResourceTypes.SubnetClaims, snapshot.Claims, ns, null, cancellation),
            ListAsync(snapshot, ResourceTypes.Subnets, snapshot.Subnets, ns, null, cancellation),
        ];
    }

    private Task LedgerAsync(PlaneSnapshot snapshot, CancellationToken cancellation)
    {
        var owners = snapshot.Instances.Select(o => o.Metadata).Concat(snapshot.Networks.Select(o => o.Metadata)).Concat(snapshot.Contexts.Select(o => o.Metadata))
            .Concat(snapshot.Subnets.Select(o => o.Metadata)).Select(m => m.Uid).OfType<string>().Distinct(StringComparer.Ordinal).ToList();
        var known = snapshot.Entries.ToList();
        snapshot.Entries.Clear();
        return Then(ListAsync(snapshot, ResourceTypes.ManagedResources, snapshot.Entries, null, null, cancellation,
            label: owners.Count is > 0 and <= MaxOwnersAsked ? $"{Labels.OwnerUid} in ({string.Join(',', owners)})" : null));

        async Task Then(Task listing)
        {
            await listing;
            snapshot.Entries.AddRange(known.Where(k => !snapshot.Entries.Exists(e => e.Key == k.Key)));
        }
    }

    private async Task<PlaneSnapshot> WholeLedgerAsync(PlaneSnapshot snapshot, CancellationToken cancellation)
    {
        await ListAsync(snapshot, ResourceTypes.ManagedResources, snapshot.Entries, null, null, cancellation);
        return snapshot;
    }

    private async Task<ManagedResource?> FindAsync(string name, CancellationToken cancellation)
    {
        try
        {
            return await client.FindAsync(ResourceTypes.ManagedResources, new ObjectKey(null, name), cancellation);
        }
        catch (KubernetesException e) when (e.Code is 403)
        {
            throw new CliException($"You may not read managedresources.{ResourceTypes.ProvidersGroup}: {TraceNode.Clean(e.Message)}. Ask the platform operator, or trace the Datum object that it belongs to.");
        }
    }

    /// <param name="ns">Null lists every namespace.</param>
    /// <param name="narrow">Listed alone when every namespace isn't allowed.</param>
    /// <param name="mayLack">The plane need not serve the kind.</param>
    private async Task ListAsync<T>(
        PlaneSnapshot snapshot, ResourceType<T> type, List<T> into, string? ns, string? narrow, CancellationToken cancellation,
        bool mayLack = false, string? label = null, string? field = null) where T : KubeObject
    {
        try
        {
            var page = await client.ListAsync(type, new ListOptions { Namespace = ns, LabelSelector = label, FieldSelector = field }, cancellation);
            lock (_gate)
                Take(snapshot, type, into, page);
        }
        catch (KubernetesException e) when (e.Code is 403)
        {
            if (narrow is not null && ns is null)
            {
                await ListAsync(snapshot, type, into, narrow, null, cancellation, mayLack, label, field);
                return;
            }
            Gap(snapshot, type, $"forbidden: {e.Message}");
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            if (!mayLack)
                Gap(snapshot, type, "this plane doesn't serve the kind; `datum-providers crds | kubectl apply -f -` installs ours");
        }
    }

    private void Gap<T>(PlaneSnapshot snapshot, ResourceType<T> type, string message) where T : KubeObject
    {
        lock (_gate)
            snapshot.Gaps.Add(new TraceGap(type.ToString(), TraceNode.Clean(message)));
    }

    private static void Take<T>(PlaneSnapshot snapshot, ResourceType<T> type, List<T> into, Kubernetes.ListPage<T> page) where T : KubeObject
    {
        foreach (var item in page.Items)
        {
            item.ApiVersion ??= type.ApiVersion;
            into.Add(item);
        }
        if (page.Unreadable.Count > 0)
            snapshot.Gaps.Add(new TraceGap(type.ToString(), TraceNode.Clean($"{page.Unreadable.Count} unreadable, the first is {page.Unreadable[0].Key}: {page.Unreadable[0].Reason}")));
        if (page.Continue is not null)
            snapshot.Gaps.Add(new TraceGap(type.ToString(), $"the server sent only the first {page.Items.Count}"));
    }
}
