using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Kinds;

/// <summary>
/// Applying what is pending, on all nodes. The platform knows only all or nothing: somebody else's unfinished changes would go along, so they are
/// waited for unless the ProviderConfig says otherwise. With <c>sdn.lock</c> nobody can add any between the comparison and the apply.
/// </summary>
internal sealed partial class NetworkKind
{
    private const string LockId = "sdn/lock";
    private const string LockRecord = "sdnLock";

    /// <param name="vnet">As it was read and found to be ours; null: it is read here.</param>
    private async ValueTask<Outcome<NetworkFacts>> ApplyAsync(Call call, Identity id, Vnet? vnet)
    {
        await context.SdnLock.WaitAsync(call.Cancellation);
        try
        {
            if (context.Settings.Sdn.Lock != true)
                return await CompareAndApplyAsync(call, id, vnet, null);
            // Of an attempt whose end wasn't seen: with its own token the lock is given back, and nobody else's.
            if (id.Resolved.GetValueOrDefault(LockRecord) is { Length: > 0 } left && await ReleaseAsync(call, left) is { } stuck && !IsLocked(stuck))
                return Failure(stuck);
            // Our own changes are pending.
            var (token, error) = await Api.TextAsync(call, new PveForm().Set("allow-pending", true).Post("cluster/sdn/lock"));
            if (error is not null)
                return Failure(Held(error));
            var outcome = await CompareAndApplyAsync(call, id, vnet, token);
            if (outcome is not Failed<NetworkFacts> failed)
                return outcome with { Resolved = outcome.Resolved.SetItem(LockRecord, "") };
            // What wasn't applied is unlocked at once; what may have been, by the next attempt.
            return failed.Error.Effect == Effect.NotApplied && await ReleaseAsync(call, token!) is null ? failed : failed with { Resolved = failed.Resolved.SetItem(LockRecord, token!) };
        }
        finally
        {
            context.SdnLock.Release();
        }
    }

    private async ValueTask<DriverError?> ReleaseAsync(Call call, string token) =>
        (await Api.ChangeAsync(call, RestRequest.Delete("cluster/sdn/lock?lock-token=" + Uri.EscapeDataString(token)))).Error;

    private async ValueTask<Outcome<NetworkFacts>> CompareAndApplyAsync(Call call, Identity id, Vnet? vnet, string? token)
    {
        ImmutableArray<Vnet>? all = null;
        if (vnet is null)
        {
            var found = await FindAsync(call, id);
            if (found.Item is not { } item)
                return Failure(found.Error ?? PveErrors.Refused(ErrorCode.PreconditionFailed, "The vnet isn't there to be changed."));
            if (Marks.Compare(id, item.Mark) != MarkState.Ours)
                return Failure(PveErrors.NotOurs(item.Id));
            (vnet, all) = (item, found.All);
        }

        if (context.Settings.Sdn.ApplyOthersChanges != true)
        {
            // Read here and not before: what others wrote since then would go along.
            var (others, error) = await OthersAsync(call, id, vnet, all);
            if (error is not null)
                return Failure(error);
            if (others.Length > 0)
                return Failure(PveErrors.Refused(ErrorCode.Conflict, $"Somebody's changes of {string.Join(", ", others)} are pending and would be applied along. Apply or revert them, or set sdn.applyOthersChanges in the ProviderConfig's settings.") with { BlockedBy = others });
        }

        var form = new PveForm();
        if (token is not null)
            form.Set("lock-token", token).Set("release-lock", true);
        var look = await Api.ChangeAsync(call, form.Put("cluster/sdn"));
        return look.Status switch
        {
            OperationStatus.Running => new Running<NetworkFacts> { Progress = look.Progress! },
            OperationStatus.Failed => Failure(Held(look.Error!)),
            _ => new Done<NetworkFacts>(),
        };
    }

    /// <summary>What others have pending: zones, networks, and ranges of networks, which the list of networks doesn't show.</summary>
    private async ValueTask<(ImmutableArray<string> Ids, DriverError? Error)> OthersAsync(Call call, Identity id, Vnet vnet, ImmutableArray<Vnet>? all)
    {
        var (vnets, error) = all is { } known ? (known, null) : await SdnReads.VnetsAsync(Api, call);
        if (error is not null)
            return ([], error);
        var (zones, failed) = await SdnReads.ZonesAsync(Api, call);
        if (failed is not null)
            return ([], failed);
        var others = ImmutableArray.CreateBuilder<string>();
        others.AddRange(zones.Where(z => z.State is not null).Select(z => "zone/" + z.Name));
        foreach (var other in vnets.Where(v => v.Name != vnet.Name && v.Mark?.Installation != id.Installation))
        {
            if (other.State is not null)
            {
                others.Add(other.Id);
                continue;
            }

            var (subnets, unread) = await SdnReads.SubnetsAsync(Api, call, other.Name);
            if (unread is not null)
                return ([], unread);
            others.AddRange(subnets.Where(s => s.State is not null).Select(s => $"{other.Id}/{s.Id}"));
        }

        return (others.ToImmutable(), null);
    }

    /// <summary>Somebody has the platform's lock of all networks.</summary>
    private static bool IsLocked(DriverError error) => error.Message.Contains("lock token", StringComparison.OrdinalIgnoreCase);

    private static DriverError Held(DriverError error) => IsLocked(error) ? error with { BlockedBy = [LockId], RetryAfter = TimeSpan.FromSeconds(15) } : error;
}
