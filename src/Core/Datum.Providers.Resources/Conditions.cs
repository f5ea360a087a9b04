using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources;

/// <summary>Reads and changes lists of conditions.</summary>
public static class Conditions
{
    /// <summary>What metav1.Condition's schema allows, in characters.</summary>
    public const int MaxMessageLength = 32768;

    /// <summary>The condition of a type, or null.</summary>
    public static Condition? Find(IEnumerable<Condition>? conditions, string type) =>
        conditions?.FirstOrDefault(c => string.Equals(c.Type, type, StringComparison.Ordinal));

    /// <summary>Whether the condition of a type is there and True.</summary>
    public static bool IsTrue(IEnumerable<Condition>? conditions, string type) => Is(conditions, type, ConditionStatus.True);

    /// <summary>Whether the condition of a type is there and False.</summary>
    public static bool IsFalse(IEnumerable<Condition>? conditions, string type) => Is(conditions, type, ConditionStatus.False);

    /// <summary>
    /// Adds or changes a condition in place. The transition time changes only with the status; a message that the schema
    /// wouldn't take is cut. Returns false when everything was like that already (law L8).
    /// </summary>
    public static bool Set(List<Condition> conditions, string type, string status, string reason, string message, long? generation, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(conditions);
        ArgumentException.ThrowIfNullOrEmpty(type);
        ArgumentException.ThrowIfNullOrEmpty(reason);
        ArgumentNullException.ThrowIfNull(message);
        if (status is not (ConditionStatus.True or ConditionStatus.False or ConditionStatus.Unknown))
        {
            throw new ArgumentException($"The status of a condition is True, False or Unknown, not '{status}'.", nameof(status));
        }

        var text = message.Length <= MaxMessageLength ? message : string.Concat(message.AsSpan(0, MaxMessageLength - 1), "…");
        var found = Find(conditions, type);
        if (found is null)
        {
            conditions.Add(new Condition
            {
                Type = type,
                Status = status,
                Reason = reason,
                Message = text,
                ObservedGeneration = generation,
                LastTransitionTime = WholeSeconds(now),
            });
            return true;
        }

        var sameStatus = string.Equals(found.Status, status, StringComparison.Ordinal) && found.LastTransitionTime is not null;
        if (sameStatus && string.Equals(found.Reason, reason, StringComparison.Ordinal)
            && string.Equals(found.Message, text, StringComparison.Ordinal) && found.ObservedGeneration == generation)
        {
            return false;
        }

        if (!sameStatus)
        {
            found.LastTransitionTime = WholeSeconds(now);
        }

        found.Status = status;
        found.Reason = reason;
        found.Message = text;
        found.ObservedGeneration = generation;
        return true;
    }

    /// <summary>Removes a condition; returns whether it was there.</summary>
    public static bool Remove(List<Condition> conditions, string type)
    {
        ArgumentNullException.ThrowIfNull(conditions);
        return conditions.RemoveAll(c => string.Equals(c.Type, type, StringComparison.Ordinal)) > 0;
    }

    /// <summary>A deep copy that can be changed; empty for null.</summary>
    public static List<Condition> Copy(IEnumerable<Condition>? conditions) => [.. (conditions ?? []).Select(c => new Condition
    {
        Type = c.Type,
        Status = c.Status,
        Reason = c.Reason,
        Message = c.Message,
        LastTransitionTime = c.LastTransitionTime,
        ObservedGeneration = c.ObservedGeneration,
        Unknown = c.Unknown is null ? null : new(c.Unknown),
    })];

    private static bool Is(IEnumerable<Condition>? conditions, string type, string status) =>
        string.Equals(Find(conditions, type)?.Status, status, StringComparison.Ordinal);

    // metav1.Time has no fractions; with them every comparison after a round trip through a Go program would differ.
    private static DateTimeOffset WholeSeconds(DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerSecond), TimeSpan.Zero);
}
