using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>How a pass is told to people: the entry's status. It holds only what the next look can find again.</summary>
public sealed partial class EntryReconciler
{
    private Task ReportAsync(ManagedResource entry, Look? look, Decision decision, ImmutableArray<Finding> tolerated, CancellationToken cancellation)
    {
        var (ready, synced, reason, message) = decision switch
        {
            Decision.None when look is { State: Lifecycle.Ready } => (ConditionStatus.True, ConditionStatus.True, Reasons.Ready, $"{Tolerated(tolerated)}{NotAdopted(entry)}"),
            Decision.None when look is { State: Lifecycle.Degraded } && Provisioning.InstanceBack.IsSuspended(entry) => (ConditionStatus.False, ConditionStatus.True, Reasons.Suspended, "It is stopped on request and keeps everything."),
            Decision.None => (ConditionStatus.False, ConditionStatus.True, look?.State.ToString() ?? Reasons.Unknown, look?.Failure?.Message ?? GuestMessage(look) ?? ""),
            Decision.Wait w => (ConditionStatus.False, ConditionStatus.False, w.Reason, w.Message),
            Decision.Refuse r => (ConditionStatus.False, ConditionStatus.False, r.Reason, r.Message),
            _ when look is { Presence: Presence.Present, State: Lifecycle.Degraded } => (ConditionStatus.False, ConditionStatus.False, nameof(Lifecycle.Degraded), GuestMessage(look) ?? ""),
            Decision.Renew => (ConditionStatus.False, ConditionStatus.False, Reasons.Absent, "The object vanished from the platform; it is made again."),
            _ => (ConditionStatus.False, ConditionStatus.False, Reasons.ProgrammingInProgress, ""),
        };
        // What runs keeps running while the host only waits or is held back: the platform's state is the truth.
        if (decision is Decision.Wait or Decision.Refuse && look is { Presence: Presence.Present, State: Lifecycle.Ready, Mark: MarkState.Ours } && entry.Spec.Wanted && !entry.Spec.Record.Retiring)
            ready = ConditionStatus.True;
        return WriteStatusAsync(entry, look, ready, synced, reason, message, cancellation, realized: decision is Decision.None);
    }

    private Task ReportFailureAsync(ManagedResource entry, Look? look, DriverError error, CancellationToken cancellation) =>
        WriteStatusAsync(entry, look,
            look is null ? ConditionStatus.Unknown : ConditionStatus.False, ConditionStatus.False,
            error.Code is ErrorCode.Unknown ? Reasons.Failed : error.Code.ToString(),
            error.BlockedBy.IsEmpty ? error.Message : $"{error.Message} Blocked by {string.Join(", ", error.BlockedBy)}.", cancellation);

    private Task ReportUnknownAsync(ManagedResource entry, string reason, string message, CancellationToken cancellation) =>
        WriteStatusAsync(entry, null, ConditionStatus.Unknown, ConditionStatus.Unknown, reason, message, cancellation);

    private async Task WriteStatusAsync(
        ManagedResource entry, Look? look, string ready, string synced, string reason, string message, CancellationToken cancellation, bool realized = false)
    {
        var now = scheduler.Time.GetUtcNow();
        var before = entry.Status;
        var conditions = Conditions.Copy(before?.Conditions);
        Conditions.Set(conditions, ConditionTypes.Ready, ready, reason, message, null, now);
        Conditions.Set(conditions, ConditionTypes.Synced, synced, reason, message, null, now);
        var status = new ManagedResourceStatus
        {
            Conditions = conditions,
            Message = message.Length == 0 ? null : message,
            State = look is null ? before?.State : look.Presence is Presence.Present ? look.State.ToString() : look.Presence.ToString(),
            ProviderId = look is { Presence: Presence.Present, Parts.Length: > 0 } ? look.Parts[0].Id : look is null ? before?.ProviderId : null,
            Observed = look is null ? before?.Observed : look.Facts,
            Addresses = look is null ? before?.Addresses : AddressesOf(look.Facts),
            ObservedGeneration = look is null ? before?.ObservedGeneration : entry.Metadata.Generation,
            DesiredHash = realized && entry.Spec.Desired is { } desired ? CanonicalJson.Digest(desired) : look is { Presence: not Presence.Present } ? null : before?.DesiredHash,
            Unknown = before?.Unknown,
        };
        await ledger.UpdateStatusAsync(entry, status, cancellation).ConfigureAwait(false);

        var told = Conditions.Find(before?.Conditions, ConditionTypes.Ready);
        if (told?.Reason != reason && Tells(told, ready, reason) is { } warning)
        {
            var sentence = Provisioning.Sentences.Of(reason);
            await events.RecordAsync(entry, warning, reason, $"{entry.Spec.Kind}: {(sentence.Length > 0 ? sentence : message.Length > 0 ? message : reason)}", cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Whether a change of reason is worth an event: true a warning, false good news, null neither. Waiting and working are neither.</summary>
    private static bool? Tells(Condition? before, string ready, string reason) => reason switch
    {
        Reasons.Ready => before is null || before.Status != ready ? false : null,
        Reasons.Waiting or Reasons.WaitingForDependency or Reasons.ProgrammingInProgress or Reasons.Deleting or Reasons.DependentsExist => null,
        Reasons.Suspended => null,
        Reasons.Absent when before?.Status != ConditionStatus.True => null,
        _ => true,
    };

    private static List<string>? AddressesOf(JsonElement? facts)
    {
        if (facts is not { ValueKind: JsonValueKind.Object } f || !f.TryGetProperty("interfaces", out var interfaces))
            return null;
        var addresses = new List<string>();
        foreach (var i in interfaces.EnumerateArray())
            foreach (var member in (ReadOnlySpan<string>)["networkAddresses", "externalAddresses"])
                if (i.TryGetProperty(member, out var list))
                    addresses.AddRange(list.EnumerateArray().Select(a => a.GetString()!));
        return addresses.Count == 0 ? null : addresses;
    }

    private static string? GuestMessage(Look? look) =>
        look?.Facts is { ValueKind: JsonValueKind.Object } f && f.TryGetProperty("guestMessage", out var m) ? m.GetString() : null;

    private static string Tolerated(ImmutableArray<Finding> findings) =>
        findings.IsDefaultOrEmpty ? "" : string.Join(" ", findings.Select(f => $"{f.Path}: {f.Message}"));
}
