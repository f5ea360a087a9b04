namespace Datum.Providers.Sdk;

/// <summary>
/// Platforms without operations: the resource's own state is all there is (AWS, OpenStack, Vultr). Words are compared without case; one that is
/// in no list is Unknown, never success.
/// </summary>
public sealed record ResourceStates
{
    /// <summary>Words of work that goes on.</summary>
    public required ImmutableArray<string> Running { get; init; }

    /// <summary>Words of an end that was wished for.</summary>
    public required ImmutableArray<string> Succeeded { get; init; }

    /// <summary>Words of an end that wasn't.</summary>
    public ImmutableArray<string> Failed { get => field.IsDefault ? [] : field; init; }

    /// <summary>
    /// What a state means. There is no handle: the next observation sees the state again.
    /// </summary>
    /// <param name="state">The platform's word.</param>
    /// <param name="age">Since the work began, where that is known; else zero. Sets the pause before the next look.</param>
    /// <param name="errors">Classifies a failure.</param>
    /// <param name="reason">What the platform says with a failed state (a code, a text); null for just the state.</param>
    public OperationLook Look(string? state, TimeSpan age, ErrorTable errors, ErrorDetail? reason = null)
    {
        if (Has(Running, state))
            return new OperationLook
            {
                Status = OperationStatus.Running,
                Progress = new Progress { LookAgainAfter = Operations.Pause(age), WaitingFor = WaitingFor.Platform, Message = state },
            };
        if (Has(Succeeded, state))
            return new OperationLook { Status = OperationStatus.Succeeded };
        if (Has(Failed, state))
            return new OperationLook
            {
                Status = OperationStatus.Failed,
                Error = errors.ClassifyLate(0, reason ?? new ErrorDetail { Code = state, Message = $"the state is {state}" }),
            };
        return new OperationLook { Status = OperationStatus.Unknown };
    }

    private static bool Has(ImmutableArray<string> words, string? state) => state is not null && words.Contains(state, StringComparer.OrdinalIgnoreCase);
}
