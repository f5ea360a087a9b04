using System.Globalization;

namespace Datum.Providers.Benchmarks.Boundary;

/// <summary>How much is measured.</summary>
internal sealed record BoundaryOptions
{
    public int Calls { get; init; } = 200_000;

    public int Rounds { get; init; } = 15;

    public int Runs { get; init; } = 7;

    /// <summary>Null for what can't be understood.</summary>
    public static BoundaryOptions? TryParse(string[] arguments)
    {
        var options = new BoundaryOptions();
        for (var i = 0; i < arguments.Length; i += 2)
        {
            if (i + 1 == arguments.Length || !int.TryParse(arguments[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var n) || n < 1)
                return null;
            switch (arguments[i])
            {
                case "--calls": options = options with { Calls = n }; break;
                case "--rounds": options = options with { Rounds = n }; break;
                case "--runs": options = options with { Runs = n }; break;
                default: return null;
            }
        }
        return options;
    }
}
