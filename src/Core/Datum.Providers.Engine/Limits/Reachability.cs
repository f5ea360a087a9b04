using Datum.Providers.Engine.Sessions;
using Datum.Providers.Resources;

namespace Datum.Providers.Engine.Limits;

/// <summary>The condition <c>Reachable</c> of a ProviderConfig: whether the circuit breakers of its sessions are closed.</summary>
internal static class Reachability
{
    public const string Condition = "Reachable";

    public static (string Status, string Reason, string Message) Of(IReadOnlyCollection<Session> open, string config, SessionAnswer answer)
    {
        var broken = open.Where(s => s.ConfigName == config && s.Meter.Breaker.IsOpen).OrderBy(s => s.Key, StringComparer.Ordinal)
            .Select(s => $"Account {s.Account.AccountId}{Scope(s)}: {s.Meter.Breaker.Why} It is probed until it answers; nothing else asks it.").ToList();
        return broken.Count > 0 ? (ConditionStatus.False, Reasons.BreakerOpen, string.Join(" ", broken))
            : answer.Session is null ? (ConditionStatus.Unknown, answer.Reason, answer.Message)
            : (ConditionStatus.True, Reasons.ProbeSucceeded, "");
    }

    private static string Scope(Session session) =>
        session.Connection.Location is { ValueKind: JsonValueKind.Object } scope && scope.EnumerateObject().Any() ? $" ({scope.GetRawText()})" : "";
}
