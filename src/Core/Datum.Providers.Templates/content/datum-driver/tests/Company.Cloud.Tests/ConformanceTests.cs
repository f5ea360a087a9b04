namespace Company_Cloud.Tests;

/// <summary>The conformance kit: a test for each of its numbered cases.</summary>
public sealed class ConformanceTests
{
    private static IEnumerable<ConformanceCase> Cases => CaseCatalog.All;

    [TestCaseSource(nameof(Cases))]
    public async Task Case(ConformanceCase one)
    {
        var result = await new ConformanceRunner(() => new CloudWorld()).RunAsync(one);
        if (result.Status == CaseStatus.NotApplicable)
            Assert.Ignore(result.Message);
        Assert.That(result.Status, Is.EqualTo(CaseStatus.Passed), result.Message);
    }
}
