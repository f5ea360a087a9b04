using System.Globalization;

namespace Datum.Providers.Conformance;

/// <summary>One numbered case of the kit.</summary>
public sealed class ConformanceCase
{
    internal ConformanceCase(CaseAttribute attribute, KitGroup group, Func<CaseRun, Task>? once, Func<KindRun, Task>? eachKind)
    {
        Number = attribute.Number;
        Title = attribute.Title;
        Rules = [.. attribute.Rules.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        InjectsFault = attribute.Fault;
        Kinds = [.. attribute.Kinds];
        Needs = [.. attribute.Needs];
        Group = group;
        Once = once;
        EachKind = eachKind;
    }

    /// <summary>The number; never given to another case.</summary>
    public int Number { get; }

    /// <summary><c>CK-</c> and three digits.</summary>
    public string Id => string.Create(CultureInfo.InvariantCulture, $"CK-{Number:000}");

    /// <summary>The group.</summary>
    public KitGroup Group { get; }

    /// <summary>What holds when the case passes, as a sentence.</summary>
    public string Title { get; }

    /// <summary>Rules of docs/driver-contract.md (<c>DC-n</c>) and laws (<c>Ln</c>) that it checks.</summary>
    public ImmutableArray<string> Rules { get; }

    /// <summary>True when it injects a fault at the HTTP handler.</summary>
    public bool InjectsFault { get; }

    /// <summary>True when it runs for each kind that the driver has; it counts once all the same.</summary>
    public bool RunsForEachKind => EachKind is not null;

    /// <summary>The kinds that it is for; empty for all.</summary>
    public ImmutableArray<ResourceKind> Kinds { get; }

    /// <summary>Interfaces that the world must implement.</summary>
    public ImmutableArray<Type> Needs { get; }

    internal Func<CaseRun, Task>? Once { get; }

    internal Func<KindRun, Task>? EachKind { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Id} {Title}";
}

/// <summary>Marks a static class in Groups/ whose methods are cases.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class CaseGroupAttribute(KitGroup group) : Attribute
{
    public KitGroup Group { get; } = group;
}

/// <summary>
/// Marks a case: a static method that returns Task and takes a <see cref="CaseRun"/> (runs once) or a <see cref="KindRun"/> (runs for each kind,
/// in a world of its own). It throws <see cref="CaseFailedException"/> or <see cref="NotApplicableException"/>, best by the Expect methods.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CaseAttribute(int number, string title, string rules) : Attribute
{
    public int Number { get; } = number;

    public string Title { get; } = title;

    public string Rules { get; } = rules;

    /// <summary>It injects a fault at the HTTP handler; without a transport it isn't applicable.</summary>
    public bool Fault { get; init; }

    /// <summary>Only for these kinds.</summary>
    public ResourceKind[] Kinds { get; init; } = [];

    /// <summary>Interfaces of the world.</summary>
    public Type[] Needs { get; init; } = [];
}

/// <summary>The driver broke a rule.</summary>
public sealed class CaseFailedException(string message) : Exception(message);

/// <summary>The case says nothing about this driver or world.</summary>
public sealed class NotApplicableException(string reason) : Exception(reason);
