namespace Datum.Providers;

/// <summary>Ability <see cref="Ability.ConsoleLog"/>: what the instance wrote on its console, or a container on its output. Rule DC-103.</summary>
public interface IConsoleLog
{
    /// <summary>Reads the newest text, or what came after <see cref="ConsoleQuery.Cursor"/>. An instance that isn't there is Failed with NotReadyYet.</summary>
    ValueTask<Answer<ConsoleText>> ReadConsoleAsync(Call call, Identity id, ConsoleQuery query);
}

/// <summary>Which text.</summary>
public sealed record ConsoleQuery
{
    /// <summary><see cref="ContainerSpec.Name"/>; null for the machine's console, or the only container.</summary>
    public string? Container { get; init; }

    /// <summary><see cref="ConsoleText.Next"/> of an earlier answer; null for the newest text.</summary>
    public string? Cursor { get; init; }

    /// <summary>Bytes at most, counted from the newest; 1 to 1048576. Default 65536.</summary>
    public int MaxBytes { get => field == 0 ? 65536 : field; init; }
}

/// <summary>Console text. It is the guest's own and may hold anything: the host shows it to whom it may and keeps none of it.</summary>
public sealed record ConsoleText
{
    /// <summary>The text, oldest first; bytes that aren't UTF-8 are replaced.</summary>
    public required string Text { get; init; }

    /// <summary>Where to go on; null when the platform can't say.</summary>
    public string? Next { get; init; }

    /// <summary>True when older text than this was left out.</summary>
    public bool Truncated { get; init; }
}
