namespace Datum.Providers;

/// <summary>Ability <see cref="Ability.Power"/>: switches a running instance beside its desired state, for a person or a repair. Rules DC-101 and DC-102.</summary>
public interface IPowerControl
{
    /// <summary>
    /// Does <paramref name="action"/> once. <see cref="Operation.Step"/> has the part <c>power</c>, the verb Update and the class Repeatable.
    /// An instance that is in the wanted state already is Done; one whose mark isn't ours is Failed with Conflict (law L3).
    /// </summary>
    ValueTask<Outcome<InstanceFacts>> PowerAsync(Operation operation, Identity id, PowerAction action);
}

/// <summary>What to do with the power of an instance.</summary>
public enum PowerAction
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>On.</summary>
    Start = 1,

    /// <summary>Asks the guest to stop, for its grace; then off.</summary>
    Stop = 2,

    /// <summary>Off at once, without asking the guest.</summary>
    PowerOff = 3,

    /// <summary>Stop, then start; the same instance with the same ids.</summary>
    Restart = 4,
}
