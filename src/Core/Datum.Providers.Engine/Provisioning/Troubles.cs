using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Resources;

namespace Datum.Providers.Engine.Provisioning;

/// <summary>Events for the objects that people write themselves: one warning when a condition gets a new reason to be False, none for waiting.</summary>
public sealed class Troubles(IEventRecorder events)
{
    /// <summary>Call it after the conditions were written. Nothing is said again that the object said before.</summary>
    public async Task TellAsync<T>(
        IKubernetesClient client, ResourceType<T> type, T value, IReadOnlyList<Condition>? before, IReadOnlyList<Condition>? after, CancellationToken cancellation) where T : KubeObject
    {
        var told = new HashSet<string>(StringComparer.Ordinal);
        foreach (var condition in after ?? [])
        {
            if (condition.Status == ConditionStatus.True || condition.Reason is "" or Reasons.Waiting or Reasons.Pending or Reasons.PendingProgramming or Reasons.ProgrammingInProgress)
                continue;
            var was = before?.FirstOrDefault(c => c.Type == condition.Type);
            // The same reason after an edit is told again: it is another mistake, or the correction didn't help.
            if (was is not null && was.Status == condition.Status && was.Reason == condition.Reason && was.ObservedGeneration == condition.ObservedGeneration)
                continue;
            if (told.Add(condition.Reason))
                await events.WarnAsync(client, new ObjectReference
                {
                    ApiVersion = type.ApiVersion, Kind = type.Kind, Namespace = value.Metadata.Namespace, Name = value.Metadata.Name, Uid = value.Metadata.Uid,
                }, condition.Reason, condition.Message, cancellation).ConfigureAwait(false);
        }
    }
}
