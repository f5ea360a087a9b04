namespace Datum.Providers.Faults.Tests.Plans;

/// <summary>The sorts of calls that cross the host's border.</summary>
internal enum Boundary
{
    Unknown = 0,

    /// <summary>Create, patch or delete at the API server.</summary>
    ApiWrite = 1,

    /// <summary>A live read or a list at the API server.</summary>
    ApiRead = 2,

    /// <summary>An event of a watch.</summary>
    ApiWatch = 3,

    /// <summary>POST, PATCH or DELETE at the platform.</summary>
    CloudMutation = 4,

    /// <summary>A read of one thing at the platform.</summary>
    CloudRead = 5,

    /// <summary>One page of a listing at the platform.</summary>
    CloudList = 6,
}

/// <summary>The n-th call of one kind since the scenario's action began, e.g. <c>api:patch:managedresources#14</c> or <c>cloud:POST:servers#1</c>.</summary>
internal readonly record struct CallId(Boundary Boundary, string Label, int Number)
{
    public override string ToString() => $"{Label}#{Number}";
}

/// <summary>One fault at one call of one scenario.</summary>
internal sealed record FaultPlan(string Scenario, Fault Fault, string Label, int Number)
{
    public override string ToString() => $"{Scenario}/{Faults.NameOf(Fault)}/{Label}#{Number}";

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static FaultPlan Parse(string text)
    {
        var parts = text.Split('/');
        var hash = parts.Length == 3 ? parts[2].LastIndexOf('#') : -1;
        return hash > 0 && int.TryParse(parts[2].AsSpan(hash + 1), out var number)
            ? new FaultPlan(parts[0], Faults.Parse(parts[1]), parts[2][..hash], number)
            : throw new FormatException($"'{text}' is no plan: scenario/fault/call#number, e.g. create/kill-after/cloud:POST:servers#1.");
    }
}
