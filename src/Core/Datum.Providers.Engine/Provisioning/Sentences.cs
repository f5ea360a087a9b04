using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Provisioning;

/// <summary>Our own sentence for each error code: the platform's text may name accounts and stays in the entry and the log.</summary>
public static class Sentences
{
    public static string Of(string reason) => reason switch
    {
        nameof(ErrorCode.Invalid) => "The request is not valid for the platform.",
        nameof(ErrorCode.Unsupported) => "The platform of this Location can't do what is asked for.",
        nameof(ErrorCode.Unauthenticated) => "The platform doesn't accept the provider's credentials; the platform operator has to renew them.",
        nameof(ErrorCode.Forbidden) => "The provider's credentials lack a right; the platform operator has to grant it.",
        nameof(ErrorCode.QuotaExceeded) => "A quota of the provider's account is used up; it is tried again slowly.",
        nameof(ErrorCode.CapacityUnavailable) => "The platform has no room at this Location; it is tried again slowly.",
        nameof(ErrorCode.Throttled) => "The platform limits the rate of requests; it goes on shortly.",
        nameof(ErrorCode.Conflict) => "Something else at the platform is in the way; the ledger entry says what.",
        nameof(ErrorCode.PreconditionFailed) => "The object changed at the platform; it is looked at again.",
        nameof(ErrorCode.NotReadyYet) => "Something that it needs isn't ready at the platform yet.",
        nameof(ErrorCode.Unavailable) => "The platform doesn't answer; it is tried again.",
        nameof(ErrorCode.Timeout) => "The platform didn't answer in time; it is looked at again.",
        Reasons.BreakerOpen => "The platform has not answered for a while; it is asked again by itself.",
        nameof(ErrorCode.Failed) => "The platform reports a failure; the ledger entry says which.",
        nameof(ErrorCode.Bug) => "The driver failed; the platform operator finds the cause in the log.",
        _ => "",
    };

    /// <summary>What a Datum user reads about an entry: our sentence for an error, the host's own message otherwise.</summary>
    public static (string Reason, string Message) About(ManagedResource entry)
    {
        var ready = Conditions.Find(entry.Status?.Conditions, ConditionTypes.Ready);
        if (ready is null || ready.Reason.Length == 0)
            return (Reasons.ProgrammingInProgress, "Waiting for the platform.");
        // Unsupported is ours as well: it names the field and the capability (law L11).
        var ours = Of(ready.Reason);
        return (ready.Reason, ours.Length == 0 || ready.Reason is nameof(ErrorCode.Unsupported) ? ready.Message : $"{ours} (ManagedResource {entry.Metadata.Name})");
    }
}
