using System.Globalization;

namespace Datum.Providers.Benchmarks.Projects;

/// <summary>How much is measured.</summary>
internal sealed record ProjectsOptions
{
    public int Projects { get; init; } = 50;

    /// <summary>In all, shared equally by the projects.</summary>
    public int Workloads { get; init; } = 1000;

    /// <summary>Pairs of runs, one with a plane that hangs and one without.</summary>
    public int Runs { get; init; } = 3;

    public int Each => Workloads / Projects;

    /// <summary>Null for what can't be understood.</summary>
    public static ProjectsOptions? TryParse(string[] arguments)
    {
        var options = new ProjectsOptions();
        for (var i = 0; i < arguments.Length; i += 2)
        {
            if (i + 1 == arguments.Length || !int.TryParse(arguments[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var n) || n < 1)
                return null;
            switch (arguments[i])
            {
                case "--projects": options = options with { Projects = n }; break;
                case "--workloads": options = options with { Workloads = n }; break;
                case "--runs": options = options with { Runs = n }; break;
                default: return null;
            }
        }
        return options is { Projects: > 1, Each: > 0 } ? options : null;
    }
}
