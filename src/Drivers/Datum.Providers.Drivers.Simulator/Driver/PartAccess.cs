using System.Globalization;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>What a look for one part found: an object, several, or none.</summary>
internal sealed record PartLook
{
    public CloudObject? Item { get; init; }
    public ImmutableArray<CloudObject> Candidates { get; init; } = [];
    public bool Gone { get; init; }
    public DriverError? Error { get; init; }
    public MarkState Mark { get; init; }
}

/// <summary>Finding, making and removing one platform object of a resource, by the rules of its create class.</summary>
internal sealed class PartAccess(SimulatorContext context, ResourceKind kind)
{
    private const string UnseenPrefix = "sim1-unseen:";

    private static TimeSpan LookAgain => TimeSpan.FromSeconds(2);
    private static TimeSpan LookAgainForApproval => TimeSpan.FromMinutes(1);

    public SimulatorApi Api => context.Api;

    public CreateClass Class => context.ClassOf(kind);

    public static string NameOf(Identity id, string? markPart) => ResourceNames.For(id, new NameRules { MaxLength = 63 }, markPart);

    /// <summary>By recorded id, else by name (B) or by mark (A, C). <paramref name="markPart"/> is null for the resource's main object.</summary>
    public async ValueTask<PartLook> FindAsync(Call call, Identity id, string collection, string part, string? markPart)
    {
        if (id.PartId(part) is { } recorded)
            return await ReadAsync(call, id, collection, recorded, markPart);
        var (found, error) = await SearchAsync(call, id, collection, markPart);
        if (error is not null)
            return new PartLook { Error = error };
        // What carries no mark isn't ours, whatever its name: it was released, or somebody made it.
        var marked = found.Where(l => l.Mark != MarkState.Missing).ToList();
        var ours = marked.Where(l => l.Mark == MarkState.Ours).ToList();
        var current = ours.Where(l => ReadMark(l.Item!)?.Incarnation == id.Incarnation).ToList();
        var best = current.Count > 0 ? current : ours.Count > 0 ? ours : marked;
        return best.Count switch
        {
            0 => new PartLook(),
            1 => best[0],
            _ => new PartLook { Candidates = [.. best.Select(l => l.Item!)] },
        };
    }

    /// <summary>Every object that has our name (B) or our mark, read one by one.</summary>
    private async ValueTask<(List<PartLook> Found, DriverError? Error)> SearchAsync(Call call, Identity id, string collection, string? markPart)
    {
        var found = new List<PartLook>();
        if (Class is not (CreateClass.Named or CreateClass.Token or CreateClass.Marked))
            return (found, null);
        // The incarnation is left out, so that a leftover of an earlier life is seen too. What was adopted has another name than ours.
        var name = Class == CreateClass.Named ? NameOf(id, markPart) : null;
        var (listed, error) = await Api.ListAllAsync(call, collection, Marks.ToPairs(Marks.For(id with { Incarnation = 0 }, markPart)), name);
        if (error is not null)
            return (found, error);
        // A listing may show what is gone, and the main object's mark is part of every part's mark.
        foreach (var item in listed.Where(i => i.Name == name || ReadMark(i)?.Part == markPart))
        {
            var look = await ReadAsync(call, id, collection, item.Id, markPart);
            if (look.Error is not null)
                return (found, look.Error);
            if (look.Item is not null)
                found.Add(look);
        }

        return (found, null);
    }

    /// <summary>Makes the object once. Repeated after a success it finds what is there.</summary>
    public async ValueTask<(CloudObject? Item, string? Id, Progress? Running, DriverError? Error)> CreateAsync(
        Operation operation, Identity id, string collection, string part, string? markPart, CloudObject wish)
    {
        var call = operation.Call;
        if (id.PartId(part) is { } recorded)
        {
            var look = await ReadAsync(call, id, collection, recorded, markPart);
            return look.Item is null
                ? (null, null, null, look.Error ?? Refused(ErrorCode.PreconditionFailed, $"The recorded {part} {recorded} isn't there; it isn't made again in this incarnation."))
                : look.Mark != MarkState.Ours ? (null, null, null, NotOurs(look.Item)) : (look.Item, recorded, ToProgress(look.Item, null), null);
        }

        wish = wish with
        {
            Name = NameOf(id, markPart),
            // The owner's labels are for people; nothing of them may look like a mark.
            Labels = Marks.ToPairs(Marks.For(id, markPart))
                .Concat((wish.Labels ?? ImmutableSortedDictionary<string, string>.Empty).Where(l => !l.Key.StartsWith("datum-", StringComparison.Ordinal)))
                .ToImmutableSortedDictionary(StringComparer.Ordinal),
        };
        var answer = await Api.CreateAsync(call, collection, wish, Class == CreateClass.Token ? operation.Token : null);
        if (answer.Value is { } accepted)
        {
            var itemId = accepted.TargetId ?? accepted.Object?.Id;
            // An object without its mark would be found by nobody, and made again (DC-35).
            if (accepted.Object is { } shown && Marks.Compare(id, ReadMark(shown), markPart) != MarkState.Ours)
                return (null, itemId, null, Refused(ErrorCode.Failed, $"The platform made {shown.Id} without the mark that it was sent with.") with { Effect = Effect.Applied });
            if (accepted.OperationId is { } op)
                return (accepted.Object, itemId, new Progress { LookAgainAfter = LookAgain, Handle = SimulatorApi.ToHandle(op, accepted.OperationExpiresAt), WaitingFor = WaitingFor.Platform }, null);
            var atOnce = accepted.Object is { } made ? ToProgress(made, null) : null;
            return (accepted.Object, itemId, atOnce ?? await UnseenAsync(call, collection, itemId), null);
        }

        if (answer.Error!.PlatformCode != "ALREADY_EXISTS" || Class != CreateClass.Named)
            return (null, null, null, answer.Error);
        // B: the name is taken, by our own earlier request or by somebody else.
        var (holders, searchError) = await SearchAsync(call, id, collection, markPart);
        if (holders.FirstOrDefault(h => h.Mark == MarkState.Ours && ReadMark(h.Item!)?.Incarnation == id.Incarnation)?.Item is { } own)
            return (own, own.Id, ToProgress(own, null), null);
        // Hidden by the platform's window, or foreign: which of the two the next look tells.
        return (null, null, null, holders.Count == 0 && searchError is null ? answer.Error with { Code = ErrorCode.NotReadyYet, RetryAfter = LookAgain } : answer.Error);
    }

    /// <summary>Removes the object, if it is ours (law L3). Null error and null progress: it is gone.</summary>
    public async ValueTask<(Progress? Running, bool Terminal, DriverError? Error)> DeleteAsync(Operation operation, Identity id, string collection, string part, string? markPart)
    {
        var look = await FindAsync(operation.Call, id, collection, part, markPart);
        if (look.Error is not null)
            return (null, false, look.Error);
        if (look.Candidates.Length > 0)
            return (null, false, Refused(ErrorCode.Conflict, $"Several objects answer to {part}: {string.Join(", ", look.Candidates.Select(c => c.Id))}; none is deleted."));
        if (look.Item is not { } item)
            return (null, look.Gone, null);
        if (look.Mark != MarkState.Ours)
            return (null, false, NotOurs(item));
        var (accepted, terminal, error) = await Api.DeleteAsync(operation.Call, collection, item.Id);
        if (error is not null || accepted is null)
            return (null, terminal, error);
        return (new Progress
        {
            LookAgainAfter = LookAgain,
            WaitingFor = WaitingFor.Platform,
            Handle = accepted.OperationId is { } op ? SimulatorApi.ToHandle(op, accepted.OperationExpiresAt) : null,
        }, false, null);
    }

    /// <summary>Reads one object and whose it is; used before every change (law L3).</summary>
    public async ValueTask<PartLook> ReadAsync(Call call, Identity id, string collection, string itemId, string? markPart)
    {
        var (item, gone, error) = await Api.GetAsync(call, collection, itemId);
        return new PartLook { Item = item, Gone = gone, Error = error, Mark = item is null ? MarkState.Unknown : Marks.Compare(id, ReadMark(item), markPart) };
    }

    public static Mark? ReadMark(CloudObject item) => Marks.Parse(item.Labels ?? ImmutableSortedDictionary<string, string>.Empty);

    public static Lifecycle ToLifecycle(CloudObject item) => item.State switch
    {
        CloudStates.PendingApproval or CloudStates.Provisioning => Lifecycle.Creating,
        CloudStates.Ready => Lifecycle.Ready,
        CloudStates.Stopping => Lifecycle.Updating,
        CloudStates.Stopped => Lifecycle.Degraded,
        CloudStates.Deleting => Lifecycle.Deleting,
        CloudStates.Failed => Lifecycle.Failed,
        _ => Lifecycle.Unknown,
    };

    /// <summary>What the object itself says about work in progress.</summary>
    public static Progress? ToProgress(CloudObject item, Handle? handle) => item.State switch
    {
        CloudStates.PendingApproval => new Progress { LookAgainAfter = LookAgainForApproval, WaitingFor = WaitingFor.Approval, Handle = handle, Message = "waits for approval" },
        CloudStates.Stopping => new Progress { LookAgainAfter = LookAgain, WaitingFor = WaitingFor.Platform, Handle = handle, Message = "the guest was asked to stop" },
        CloudStates.Provisioning or CloudStates.Deleting => new Progress { LookAgainAfter = LookAgain, WaitingFor = WaitingFor.Platform, Handle = handle },
        _ => null,
    };

    /// <summary>Reads back what was made: while the platform doesn't show it yet, a handle says until when that is no absence.</summary>
    private async ValueTask<Progress?> UnseenAsync(Call call, string collection, string? itemId)
    {
        if (itemId is null || context.Profile.ConsistencyWindow <= TimeSpan.Zero)
            return null;
        var (item, gone, error) = await Api.GetAsync(call, collection, itemId);
        if (item is not null || gone || error is not null)
            return null;
        var until = Api.Time.GetUtcNow() + context.Profile.ConsistencyWindow;
        return new Progress
        {
            LookAgainAfter = LookAgain,
            WaitingFor = WaitingFor.Platform,
            Message = "isn't visible yet",
            Handle = new Handle { Data = UnseenPrefix + until.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture), ExpiresAt = until },
        };
    }

    /// <summary>What only the operation knows, when there is no object to ask.</summary>
    public async ValueTask<(Progress? Running, DriverError? Failure, DriverError? Error)> AskAsync(Call call, Handle? handle)
    {
        if (handle is not null && handle.Data.StartsWith(UnseenPrefix, StringComparison.Ordinal))
            return (Api.Time.GetUtcNow() < handle.ExpiresAt ? new Progress { LookAgainAfter = LookAgain, WaitingFor = WaitingFor.Platform, Handle = handle, Message = "isn't visible yet" } : null, null, null);
        var (operation, error) = await Api.OperationAsync(call, handle);
        return operation?.Status switch
        {
            "RUNNING" => (new Progress { LookAgainAfter = LookAgain, WaitingFor = WaitingFor.Platform, Handle = handle }, null, null),
            "FAILED" when operation.Error is { } why => (null, Api.ToError(why, Effect.NotApplied), null),
            _ => (null, null, error),
        };
    }

    public static DriverError NotOurs(CloudObject item) =>
        Refused(ErrorCode.Conflict, $"{item.Id} doesn't carry this resource's mark; it is left alone.");

    public static DriverError NoSuchStep(Step step) =>
        Refused(ErrorCode.PreconditionFailed, $"This resource has no step {step.Verb} {step.Part}; look again.");

    public static DriverError NotOurCursor() => Refused(ErrorCode.PreconditionFailed, "The cursor isn't one of this listing; begin again.");

    public static DriverError Refused(ErrorCode code, string message) =>
        new() { Code = code, Effect = Effect.NotApplied, Scope = ErrorScope.Resource, Message = message };
}
