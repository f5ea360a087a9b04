namespace Datum.Providers.Testing;

/// <summary>
/// The folder with reference data that the project is tested against: environment variable <c>DATUM_SHARED</c>,
/// else <c>../shared</c> beside the repository root. Link this file into a test project.
/// </summary>
internal static class SharedFolder
{
    private static readonly Lazy<string?> Found = new(Find);

    /// <summary>The folder, or null where it is absent (a user's clone).</summary>
    public static string? PathOrNull => Found.Value;

    /// <summary>The root of the checkout that this test runs from.</summary>
    public static string RepositoryRoot { get; } = FindRepositoryRoot();

    /// <summary>
    /// The full path of <paramref name="relative"/> in the folder. Where it is absent the test is ignored loudly,
    /// or fails when <c>DATUM_REQUIRE</c> names <paramref name="what"/> (podman, kubectl, realapi or seeds).
    /// </summary>
    public static string Require(string what, string relative)
    {
        var path = PathOrNull is { } root ? Path.Combine(root, relative) : null;
        if (path is not null && (File.Exists(path) || Directory.Exists(path)))
            return path;
        throw Missing(what, PathOrNull is null
            ? "there is no reference folder (set DATUM_SHARED, or put it at ../shared beside the repository)"
            : $"the reference folder has no {relative}");
    }

    /// <summary>Ends the test: ignored with a reason, or failed when <c>DATUM_REQUIRE</c> names <paramref name="what"/>. Never returns.</summary>
    public static Exception Missing(string what, string reason)
    {
        if (IsRequired(what))
            Assert.Fail($"DATUM_REQUIRE names '{what}', but {reason}.");
        else
            Assert.Ignore($"SKIPPED ({what}): {reason}.");
        return new InvalidOperationException(reason);
    }

    /// <summary>True when <c>DATUM_REQUIRE</c> (a comma-separated list) names <paramref name="what"/>.</summary>
    public static bool IsRequired(string what) =>
        (Environment.GetEnvironmentVariable("DATUM_REQUIRE") ?? "")
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Contains(what, StringComparer.OrdinalIgnoreCase);

    private static string? Find()
    {
        var named = Environment.GetEnvironmentVariable("DATUM_SHARED");
        if (!string.IsNullOrEmpty(named))
            return Directory.Exists(named) ? Path.GetFullPath(named) : null;
        var beside = Path.GetFullPath(Path.Combine(RepositoryRoot, "..", "shared"));
        return Directory.Exists(beside) ? beside : null;
    }

    private static string FindRepositoryRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Directory.Packages.props")))
                return folder.FullName;
        }
        return AppContext.BaseDirectory;
    }
}
