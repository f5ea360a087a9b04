namespace Company_Cloud.Tests;

/// <summary>The conformance kit: a test for each of its numbered cases, and a report in the test's output folder.</summary>
public sealed class ConformanceTests : DriverConformance
{
    protected override ConformanceWorld CreateWorld() => new CloudWorld();
}
