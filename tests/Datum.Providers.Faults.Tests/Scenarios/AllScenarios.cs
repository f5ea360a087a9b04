namespace Datum.Providers.Faults.Tests.Scenarios;

internal static partial class AllScenarios
{
    public static ImmutableArray<Scenario> All { get; } =
    [
        new()
        {
            Name = "create",
            Act = async w => await w.RunningAsync(),
            End = ("the workload runs", w => w.Runs()),
        },
        new()
        {
            Name = "delete",
            Before = w => w.RunningAsync(),
            Act = async w =>
            {
                w.DeleteAll();
                await w.UntilAsync("nothing is left", () => w.NothingIsLeft);
            },
            End = ("nothing is left", w => w.NothingIsLeft),
        },
    ];

    public static Scenario Find(string name) => All.FirstOrDefault(s => s.Name == name) ?? throw new ArgumentException($"There is no scenario '{name}'.");
}
