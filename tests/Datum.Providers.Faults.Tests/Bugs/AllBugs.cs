namespace Datum.Providers.Faults.Tests.Bugs;

internal static class AllBugs
{
    public static ImmutableArray<Bug> All { get; } = [];

    public static Bug Find(string name) => All.FirstOrDefault(b => b.Name == name) ?? throw new ArgumentException($"There is no bug '{name}'.");
}
