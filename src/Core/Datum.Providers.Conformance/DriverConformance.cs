using System.Collections.Concurrent;
using NUnit.Framework;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;
using NUnit.Framework.Internal.Builders;

namespace Datum.Providers.Conformance;

/// <summary>
/// Inherit it, hand over a world, and every case of the kit is a test: <c>public sealed class MyConformance : DriverConformance</c>. What isn't
/// applicable is skipped with its reason. At the end the report is written to the test's work directory, or to the folder that the environment
/// variable <c>DATUM_CONFORMANCE_REPORT</c> names, and attached.
/// </summary>
public abstract class DriverConformance
{
    private readonly ConcurrentDictionary<int, CaseResult> _results = [];

    /// <summary>A new world; called once for each case and kind.</summary>
    protected abstract ConformanceWorld CreateWorld();

    /// <summary>Groups that are run; empty for all. <see cref="KitGroup.Description"/> alone needs no platform.</summary>
    protected virtual ImmutableArray<KitGroup> Groups => [];

    /// <summary>
    /// Cases that the driver is known to fail, by number, each with the reason. Such a failure is skipped, not passed: the report counts it as failed.
    /// A case that stands here and doesn't fail fails the test, so that the list can only shrink.
    /// </summary>
    protected virtual ImmutableDictionary<int, string> KnownDefects => ImmutableDictionary<int, string>.Empty;

    internal ImmutableArray<ConformanceCase> Cases => CaseCatalog.Of(Groups.AsSpan());

    /// <summary>Runs one case.</summary>
    [ConformanceCases]
    public async Task Case(ConformanceCase one)
    {
        var result = await new ConformanceRunner(CreateWorld).RunAsync(one);
        _results[one.Number] = result;
        foreach (var run in result.Runs.Where(r => r.Status == CaseStatus.NotApplicable && result.Status != CaseStatus.NotApplicable))
            TestContext.Out.WriteLine($"{run.Kind}: not applicable: {run.Message}");
        if (KnownDefects.TryGetValue(one.Number, out var reason))
        {
            if (result.Status == CaseStatus.Failed)
                Assert.Ignore($"Known defect: {reason}");
            Assert.Fail($"{one.Id} stands among the known defects, but it is {result.Status}: take it off ({reason}).");
        }

        if (result.Status == CaseStatus.NotApplicable)
            Assert.Ignore("Not applicable: " + result.Message);
        if (result.Status == CaseStatus.Failed)
            Assert.Fail($"{one} ({string.Join(", ", one.Rules)}){Environment.NewLine}{result.Message}");
    }

    /// <summary>Writes the report.</summary>
    [OneTimeTearDown]
    public async Task WriteReport()
    {
        if (_results.IsEmpty)
            return;
        var report = await new ConformanceRunner(CreateWorld).ReportAsync([.. _results.OrderBy(r => r.Key).Select(r => r.Value)]);
        var folder = Environment.GetEnvironmentVariable("DATUM_CONFORMANCE_REPORT") is { Length: > 0 } chosen ? chosen : TestContext.CurrentContext.WorkDirectory;
        foreach (var file in ReportFiles.Write(report, folder, GetType().Name))
            TestContext.AddTestAttachment(file);
        TestContext.Out.WriteLine(TextReport.Badge(report));
    }
}

/// <summary>Builds one test for each case of the fixture's groups.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ConformanceCasesAttribute : NUnitAttribute, ITestBuilder, IImplyFixture
{
    private readonly NUnitTestCaseBuilder _builder = new();

    public IEnumerable<TestMethod> BuildFrom(IMethodInfo method, Test? suite)
    {
        var fixture = (DriverConformance)Activator.CreateInstance((suite?.TypeInfo ?? method.TypeInfo).Type)!;
        foreach (var one in fixture.Cases)
        {
            var data = new TestCaseParameters([one]) { TestName = one.ToString() };
            var test = _builder.BuildTestMethod(method, suite, data);
            test.Properties.Add(PropertyNames.Category, one.Group.ToString());
            if (one.InjectsFault)
                test.Properties.Add(PropertyNames.Category, "Fault");
            yield return test;
        }
    }
}
