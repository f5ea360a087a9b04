using Datum.Providers.Resources;
using Datum.Providers.Resources.Telemetry;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>
/// The status of a policy: Ready of the policy and of each sink as upstream has them, and Delivering of each sink. Nothing that a receiver
/// answered stands in it, only what kind of answer it was: the status must not become a way to read from where a policy points at.
/// </summary>
internal static class ExportStatus
{
    public static void Write(ExportPolicy policy, IReadOnlyList<SinkVerdict> verdicts, Func<string, Delivery> last, DateTimeOffset now)
    {
        var status = policy.Status ??= new();
        var generation = policy.Metadata.Generation;
        var known = status.Sinks ?? [];
        status.Sinks = [];
        for (var i = 0; i < policy.Spec.Sinks.Count; i++)
        {
            var name = policy.Spec.Sinks[i].Name;
            var sink = known.Find(s => s.Name == name) ?? new SinkStatus { Name = name };
            status.Sinks.Add(sink);
            var conditions = sink.Conditions ??= [];
            Conditions.Set(conditions, ConditionTypes.Ready, ConditionStatus.Of(verdicts[i].Accepted), verdicts[i].Reason, verdicts[i].Message, generation, now);
            if (!verdicts[i].Accepted)
            {
                Conditions.Remove(conditions, ConditionTypes.Delivering);
                continue;
            }

            // A new host has sent nothing yet: what the one before it found stays until it knows.
            if (last(name) is Delivery.Unknown && Conditions.Find(conditions, ConditionTypes.Delivering) is { } kept && kept.ObservedGeneration == generation)
                continue;
            var (delivering, reason, message) = Of(last(name));
            Conditions.Set(conditions, ConditionTypes.Delivering, delivering, reason, message, generation, now);
        }

        var disabled = verdicts.Any(v => v.Reason == Reasons.ExportDisabled);
        var refused = status.Sinks.Where(s => !Conditions.IsTrue(s.Conditions, ConditionTypes.Ready)).Select(s => s.Name).ToList();
        Conditions.Set(status.Conditions ??= [], ConditionTypes.Ready, ConditionStatus.Of(refused.Count == 0),
            refused.Count == 0 ? Reasons.SinksAccepted : disabled ? Reasons.ExportDisabled : Reasons.SinksNotAccepted,
            refused.Count == 0 ? "All sinks are accepted."
            : disabled ? "This installation doesn't export telemetry: nothing is sent."
            : $"Not accepted: {string.Join(", ", refused)}. See status.sinks.",
            generation, now);
    }

    private static (string Status, string Reason, string Message) Of(Delivery delivery) => delivery switch
    {
        Delivery.Delivered => (ConditionStatus.True, Reasons.Delivered, "The receiver takes what is sent."),
        Delivery.CredentialsRefused => (ConditionStatus.False, Reasons.CredentialsRefused, "The receiver doesn't accept the user name and password (401 or 403); samples are dropped."),
        Delivery.Refused => (ConditionStatus.False, Reasons.ReceiverRefuses, "The receiver refuses what is sent (4xx); samples are dropped."),
        Delivery.Redirected => (ConditionStatus.False, Reasons.ReceiverRefuses, "The endpoint answers with a redirect (3xx), which isn't followed; samples are dropped. Name the address that it leads to."),
        Delivery.Throttled => (ConditionStatus.False, Reasons.ReceiverThrottles, "The receiver asks for fewer requests (429); samples may be dropped."),
        Delivery.Unavailable => (ConditionStatus.False, Reasons.ReceiverUnavailable, "The receiver can't be reached, has no valid certificate, or answers too late or with an error of its own (5xx); samples that aren't taken in all attempts are dropped."),
        Delivery.DestinationRefused => (ConditionStatus.False, Reasons.DestinationRefused, "The name of the endpoint leads to an address that policies may not reach; samples are dropped. Ask the operator for an exception if it is meant."),
        _ => (ConditionStatus.Unknown, Reasons.NothingSentYet, "Nothing was sent yet: no sample was due, or no series is selected."),
    };
}
