namespace Datum.Providers.Faults.Tests.Scenarios;

internal static partial class AllScenarios
{
    public static ImmutableArray<Scenario> All { get; } = [.. Lifes(), .. Changes(), .. Deletions(), .. Operators(), .. Platforms(), .. HostsAndLedgers(), .. Laws(), .. Strangers(), .. Hands(), .. Accounts(), .. Options()];

    public static Scenario Find(string name) =>
        All.FirstOrDefault(s => s.Name == name) ?? throw new ArgumentException($"There is no scenario '{name}'; there are {string.Join(", ", All.Select(s => s.Name))}.");
}
