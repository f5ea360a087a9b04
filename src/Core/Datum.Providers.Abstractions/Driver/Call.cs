namespace Datum.Providers;

/// <summary>The frame of one call: when it must be over, how it is cancelled, what it may read.</summary>
public sealed class Call
{
    /// <summary>Cancelled when the deadline passes or the host stops. A driver passes it to every await.</summary>
    public required CancellationToken Cancellation { get; init; }

    /// <summary>When the answer is of no use any more. Requests carry what is left of it as their timeout.</summary>
    public required DateTimeOffset Deadline { get; init; }

    /// <summary>Names the call in logs at both ends; send it as a request id where the platform takes one.</summary>
    public required string Id { get; init; }

    /// <summary>Reads exactly the payloads that the desired state of this call names; null where it names none.</summary>
    public IPayloadReader? Payloads { get; init; }
}

/// <summary>Reads config map and secret contents for one call.</summary>
public interface IPayloadReader
{
    /// <summary>All keys and bytes of the payload; null when an optional one doesn't exist. Anything the desired state doesn't name throws.</summary>
    ValueTask<ImmutableDictionary<string, ReadOnlyMemory<byte>>?> ReadAsync(PayloadReference payload, CancellationToken cancellation);
}

/// <summary>A mutation that the host has decided on and, where its class demands it, has stored the intent of (law L4).</summary>
public sealed class Operation
{
    /// <summary>Deadline, cancellation, id, payloads.</summary>
    public required Call Call { get; init; }

    /// <summary>The step to do: the one that the last observation named.</summary>
    public required Step Step { get; init; }

    /// <summary>
    /// 32 lower-case hex digits: the same for each repetition of this step whose effect isn't known, another one after an attempt that is
    /// known not to have been applied and in the next incarnation. For class A it is the platform's request token.
    /// </summary>
    public required string Token { get; init; }
}

/// <summary>Who a resource is, and what is recorded of it. Names, marks and tokens at the platform come from here and from nothing else.</summary>
public sealed record Identity
{
    /// <summary>The installation: 1 to 16 of <c>[a-z0-9]</c>.</summary>
    public required string Installation { get; init; }

    /// <summary>The kind.</summary>
    public required ResourceKind Kind { get; init; }

    /// <summary>32 lower-case hex digits (128 bits): unique, and stable through every incarnation.</summary>
    public required string Name { get; init; }

    /// <summary>From 1; one higher for each new life after the last one was observed absent.</summary>
    public required long Incarnation { get; init; }

    /// <summary>A hint for people, e.g. <c>default/web-us-dfw-0</c>: for descriptions only, never for decisions.</summary>
    public string? Hint { get; init; }

    /// <summary>The parts recorded so far. If one is recorded, only the object with its id is ours (law L3).</summary>
    public ImmutableArray<Part> Parts { get => field.IsDefault ? [] : field; init; }

    /// <summary>What was resolved at first create (image id, size, zone) and is now the desired value.</summary>
    public ImmutableDictionary<string, string> Resolved { get => field ?? ImmutableDictionary<string, string>.Empty; init; }

    /// <summary>The provider id of a recorded part, or null.</summary>
    public string? PartId(string part)
    {
        foreach (var p in Parts)
            if (p.Name == part)
                return p.Id;
        return null;
    }
}

/// <summary>One platform object that a resource consists of, e.g. <c>server</c>, <c>nic-0</c>.</summary>
public sealed record Part
{
    /// <summary>The name that the step had.</summary>
    public required string Name { get; init; }

    /// <summary>The platform's id, enough to find the object again with the session alone.</summary>
    public required string Id { get; init; }
}

/// <summary>Something to ask the platform about later (operation name, task id). Plain data; expired or of another driver version it counts as none.</summary>
public sealed record Handle
{
    /// <summary>The driver's own text; at most 1024 characters, no secret.</summary>
    public required string Data { get; init; }

    /// <summary>When the platform forgets it; null when never or unknown.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
}
