using System.Globalization;
using System.Net;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Simulator;

public sealed partial class SimulatedCloud
{
    private readonly Dictionary<string, string> _gone = new(StringComparer.Ordinal);

    private CloudObject? Find(string collection, string id) =>
        _objects.TryGetValue(id, out var item) && item.Collection == collection ? item : null;

    /// <summary>What a create can't have: missing or busy references, no quota, no room.</summary>
    private CloudResponse? Refuse(string collection, CloudObject wish)
    {
        var references = new List<(string Collection, string Id)>();
        if (wish.NetworkId is { } network)
            references.Add((Collections.Networks, network));
        references.AddRange((wish.SubnetIds ?? []).Select(id => (Collections.Subnets, id)));
        references.AddRange((wish.FirewallIds ?? []).Select(id => (Collections.Firewalls, id)));
        references.AddRange((wish.NicIds ?? []).Select(id => (Collections.Nics, id)));
        references.AddRange((wish.DiskIds ?? []).Select(id => (Collections.Disks, id)));
        if (wish.BootDiskId is { } boot)
            references.Add((Collections.BootDisks, boot));
        foreach (var (where, id) in references)
        {
            if (Find(where, id) is not { } item)
                return CloudResponse.Error(400, "NO_SUCH_REFERENCE", $"There is no {id} in {where}.");
            if (item.State is CloudStates.PendingApproval or CloudStates.Provisioning)
                return CloudResponse.Error(409, "NOT_READY", $"{id} isn't ready yet.", [id]);
            if (item.State is CloudStates.Deleting or CloudStates.Failed)
                return CloudResponse.Error(400, "NO_SUCH_REFERENCE", $"{id} is {item.State}.");
            if (where is Collections.Nics or Collections.Disks or Collections.BootDisks && item.AttachedTo is { } holder)
                return CloudResponse.Error(409, "IN_USE", $"{id} is attached to {holder}.", [holder]);
        }

        var required = collection switch
        {
            Collections.Subnets or Collections.Firewalls or Collections.Nics => wish.NetworkId,
            Collections.Servers => wish.BootDiskId,
            _ => "",
        };
        if (required is null)
            return CloudResponse.Error(400, "INVALID", $"A member of {collection} is missing: networkId or bootDiskId.");
        if (wish.Range is not null || collection == Collections.Subnets)
        {
            if (!Cidr.TryParse(wish.Range, out var range))
                return CloudResponse.Error(400, "INVALID", "range is no prefix.");
            if (_objects.Values.FirstOrDefault(o => o.Collection == Collections.Subnets && o.NetworkId == wish.NetworkId
                && Cidr.TryParse(o.Range, out var other) && other.Overlaps(range)) is { } overlap)
                return CloudResponse.Error(409, "OVERLAP", $"{wish.Range} overlaps {overlap.Range}.", [overlap.Id]);
        }

        var kind = Collections.KindOf(collection);
        if (collection is not (Collections.Nics or Collections.BootDisks) && _knobs.Quota.TryGetValue(kind, out var quota)
            && _objects.Values.Count(o => o.Collection == collection) >= quota)
            return CloudResponse.Error(403, "QUOTA_EXCEEDED", string.Create(CultureInfo.InvariantCulture, $"The quota of {quota} {collection} is used up."));
        if (collection == Collections.Servers && _knobs.ZoneCapacity.TryGetValue(wish.Zone ?? "", out var room)
            && _objects.Values.Count(o => o.Collection == collection && o.Zone == wish.Zone) >= room)
            return CloudResponse.Error(503, "STOCKOUT", $"Zone {wish.Zone} has no room.");
        return null;
    }

    /// <summary>The object that a create makes; with <see cref="CloudObject.Error"/> when an address can't be had.</summary>
    private CloudObject Build(string collection, CloudObject wish)
    {
        var item = wish with
        {
            Id = NextId(collection),
            Collection = collection,
            State = CloudStates.PendingApproval,
            CreatedAt = Now,
            Generation = 0,
            Revision = null,
            Error = null,
            Content = null,
            AttachedTo = null,
            Interfaces = null,
            StopsAt = null,
            StartsAgain = null,
        };
        switch (collection)
        {
            case Collections.Subnets:
                return item with { Gateway = Cidr.Parse(item.Range!).Nth(1).ToString() };
            case Collections.Nics:
                return Address(item);
            case Collections.Secrets:
                return TakeContent(item, wish);
            case Collections.Servers:
                var on = wish.PowerOn != false;
                return TakeContent(item, wish) with
                {
                    PowerOn = on,
                    Guest = _knobs.GuestReports ? on ? "ready" : "notReady" : null,
                    GuestMessage = null,
                    Containers = item.Containers is { } containers ? [.. containers.Select(c => c with { Running = on, ExitCode = null, Message = null })] : null,
                };
            default:
                return item;
        }
    }

    // Contents are checked and forgotten: what the platform never keeps it can never leak (law L12).
    private static CloudObject TakeContent(CloudObject item, CloudObject wish) => item with
    {
        Content = null,
        ContentHash = wish.ContentHash ?? item.ContentHash,
        ContentKeys = wish.Content is { } content ? [.. content.Keys] : item.ContentKeys,
    };

    private CloudObject Address(CloudObject nic)
    {
        var taken = _objects.Values.Where(o => o.Collection == Collections.Nics && o.NetworkId == nic.NetworkId)
            .SelectMany(o => o.Addresses ?? []).ToHashSet(StringComparer.Ordinal);
        var ranges = (nic.SubnetIds ?? []).Select(id => _objects[id].Range!).ToList();
        if (ranges.Count == 0)
            ranges = [.. _objects[nic.NetworkId!].Ranges ?? []];
        var wished = (nic.Addresses ?? []).ToList();
        if (wished.FirstOrDefault(taken.Contains) is { } held)
            return nic with { Error = new CloudError { Code = "ADDRESS_IN_USE", Message = $"{held} is in use." } };
        var addresses = new List<string>();
        foreach (var text in ranges)
        {
            var range = Cidr.Parse(text);
            if (wished.FirstOrDefault(a => IPAddress.TryParse(a, out var ip) && range.Contains(ip)) is { } own)
            {
                addresses.Add(own);
                continue;
            }

            // The first address is the network's, the second the gateway's, the last of IPv4 the broadcast's.
            var end = range.IsIPv6 ? range.Count : range.Count - 1;
            string? free = null;
            for (UInt128 i = 2; i < end && free is null; i++)
                if (range.Nth(i).ToString() is var candidate && !taken.Contains(candidate))
                    free = candidate;
            if (free is null)
                return nic with { Error = new CloudError { Code = "NO_ADDRESS", Message = $"{text} has no address left." } };
            addresses.Add(free);
        }

        if (wished.Except(addresses, StringComparer.Ordinal).FirstOrDefault() is { } outside)
            return nic with { Error = new CloudError { Code = "ADDRESS_OUTSIDE", Message = $"{outside} lies in none of the subnets." } };
        var number = _sequence & 0xffff;
        return nic with
        {
            Addresses = [.. addresses.OrderBy(a => a.Contains(':', StringComparison.Ordinal))],
            ExternalAddresses = [string.Create(CultureInfo.InvariantCulture, $"198.18.{number >> 8}.{number & 0xff}")],
        };
    }

    private void Attach(CloudObject server)
    {
        foreach (var id in HeldBy(server))
            Store(_objects[id] with { AttachedTo = server.Id });
    }

    private static IEnumerable<string> HeldBy(CloudObject server) =>
        server.Collection != Collections.Servers ? [] : [.. server.NicIds ?? [], .. server.DiskIds ?? [], .. server.BootDiskId is { } boot ? [boot] : ImmutableArray<string>.Empty];

    private ImmutableArray<string> UsersOf(CloudObject item) => item.Collection switch
    {
        Collections.Networks => [.. _objects.Values.Where(o => o.NetworkId == item.Id).Select(o => o.Id)],
        Collections.Subnets => [.. _objects.Values.Where(o => o.SubnetIds?.Contains(item.Id) == true).Select(o => o.Id)],
        Collections.Firewalls => [.. _objects.Values.Where(o => o.FirewallIds?.Contains(item.Id) == true).Select(o => o.Id)],
        Collections.Nics or Collections.Disks or Collections.BootDisks => item.AttachedTo is { } server ? [server] : [],
        _ => [],
    };

    /// <summary>Starts to build a new or approved object.</summary>
    private void Begin(CloudObject item, out string? operationId)
    {
        var duration = _knobs.DurationOf(Collections.KindOf(item.Collection));
        var fate = TakeFate(item.Collection, "create");
        operationId = null;
        if (duration == TimeSpan.Zero && fate is null)
        {
            Finish(_objects[item.Id]);
            return;
        }

        Store(_objects[item.Id] with { State = CloudStates.Provisioning });
        operationId = StartOperation("create", item, duration, fate);
    }

    private void Finish(CloudObject item)
    {
        if (item.PowerOn != false)
            Tell(item, "started");
        Store(Built(item));
    }

    private static CloudObject Built(CloudObject item) => item with { State = item.PowerOn == false ? CloudStates.Stopped : CloudStates.Ready };

    private string StartOperation(string verb, CloudObject item, TimeSpan duration, OperationFault? fate)
    {
        var operation = new CloudOperation
        {
            Id = NextId("operations"),
            Status = "RUNNING",
            Verb = verb,
            Collection = item.Collection,
            TargetId = item.Id,
            Due = Now + duration,
            Fate = fate is null ? null : new CloudError { Code = fate.Code, Message = fate.Message },
            FateKeepsObject = fate?.KeepsObject ?? false,
        };
        _operations[operation.Id] = operation;
        _dirty = true;
        return operation.Id;
    }

    private OperationFault? TakeFate(string collection, string verb)
    {
        foreach (var (rule, left) in _operationFaults)
        {
            if (rule.Collection != collection || rule.Verb != verb || left[0] == 0)
                continue;
            left[0]--;
            return rule;
        }

        return null;
    }

    /// <summary>Does everything whose time has come, in the order of its time.</summary>
    private void Settle()
    {
        var now = Now;
        foreach (var operation in _operations.Values.Where(o => o.Status == "RUNNING" && o.Due <= now).OrderBy(o => o.Due).ThenBy(o => o.Id, StringComparer.Ordinal).ToList())
        {
            _operations[operation.Id] = operation with { Status = operation.Fate is null ? "DONE" : "FAILED", Error = operation.Fate };
            _dirty = true;
            if (operation.TargetId is not { } target || !_objects.TryGetValue(target, out var item))
                continue;
            if (operation.Fate is null)
            {
                if (operation.Verb == "delete")
                    Remove(item, AuditEvent.Deleted);
                // What is being deleted meanwhile stays so.
                else if (item.State != CloudStates.Deleting)
                    Finish(item);
            }
            else if (operation.Verb == "delete")
            {
                Store(Built(item));
            }
            else if (operation.FateKeepsObject)
            {
                Store(item with { State = CloudStates.Failed, Error = operation.Fate });
            }
            else
            {
                Remove(item, AuditEvent.Deleted);
            }
        }

        SettlePower();
        foreach (var operation in _operations.Values.Where(o => o.Status != "RUNNING" && o.Due + _knobs.OperationLife <= now).ToList())
            _dirty |= _operations.Remove(operation.Id);
        foreach (var (key, token) in _tokens.Where(t => t.Value.ExpiresAt <= now).ToList())
            _dirty |= _tokens.Remove(key);
        var keep = _knobs.ListLag > _knobs.TombstoneLife ? _knobs.ListLag : _knobs.TombstoneLife;
        _dirty |= _ghosts.RemoveAll(g => g.GoneAt + keep <= now) > 0;
    }

    private void Store(CloudObject item)
    {
        _objects[item.Id] = item with { Generation = item.Generation + 1, Revision = null, Interfaces = null };
        _dirty = true;
        Publish(item);
        Touch(item.AttachedTo);
    }

    // A server's revision covers its parts, so that a listing tells whether a look at all of them would find news.
    private void Touch(string? serverId)
    {
        if (serverId is not null && _objects.TryGetValue(serverId, out var server))
            _objects[serverId] = server with { Generation = server.Generation + 1 };
    }

    private void Remove(CloudObject item, AuditEvent what)
    {
        _objects.Remove(item.Id);
        _gone[item.Collection] = item.Id;
        Touch(item.AttachedTo);
        foreach (var id in HeldBy(item))
            if (_objects.TryGetValue(id, out var held) && held.AttachedTo == item.Id)
                Store(held with { AttachedTo = null });
        if (_knobs.ListLag > TimeSpan.Zero || _knobs.TombstoneLife > TimeSpan.Zero)
            _ghosts.Add(new CloudGhost { Object = item, GoneAt = Now });
        ForgetConsoles(item);
        _usage.Remove(item.Id);
        Publish(item);
        Audit.Record(what, item, Now);
        _dirty = true;
    }

    /// <summary>The object as it is answered.</summary>
    private CloudObject Public(CloudObject item) => item with
    {
        Revision = item.Generation.ToString(CultureInfo.InvariantCulture),
        Content = null,
        StopsAt = null,
        StartsAgain = null,
        Interfaces = item.Collection != Collections.Servers ? null : [.. (item.NicIds ?? []).Select(id => _objects.GetValueOrDefault(id)).OfType<CloudObject>()
            .Select(n => new CloudInterface
            {
                Name = n.InterfaceName ?? n.Id,
                NicId = n.Id,
                Addresses = n.Addresses ?? [],
                ExternalAddresses = n.ExternalAddresses ?? [],
            })],
    };

    // The sequence in front makes ids sort by age, which is the order of pages.
    private string NextId(string collection)
    {
        _dirty = true;
        if (ReusesIds && _gone.Remove(collection, out var reused) && !_objects.ContainsKey(reused))
            return reused;
        return string.Create(CultureInfo.InvariantCulture, $"{IdPrefix(collection)}{++_sequence:x8}{_random.Next(0x10000):x4}");
    }

    private static string IdPrefix(string collection) => (collection.EndsWith('s') ? collection[..^1] : collection) + "-";
}
