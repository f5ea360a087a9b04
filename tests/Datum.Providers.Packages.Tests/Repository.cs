using System.Reflection;

namespace Datum.Providers.Packages.Tests;

/// <summary>Where things are in the checkout and in its build.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Debug or Release: what these tests were built as, and so what they pack.</summary>
    public static string Configuration { get; } = Metadata("Configuration");

    /// <summary>The host program of this build.</summary>
    public static string HostProgram { get; } = Metadata("HostProgram");

    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    private static string Metadata(string key) =>
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value
        ?? throw new InvalidOperationException($"AssemblyMetadata {key} is empty.");

    private static string FindRoot()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (File.Exists(System.IO.Path.Combine(at.FullName, "Datum.Providers.sln")))
                return at.FullName;
        throw new DirectoryNotFoundException("No Datum.Providers.sln above the tests.");
    }
}
