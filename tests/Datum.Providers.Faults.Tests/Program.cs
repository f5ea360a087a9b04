using Datum.Providers.Faults.Tests.Worker;
using Microsoft.Testing.Platform.Builder;

namespace Datum.Providers.Faults.Tests;

/// <summary>The test program, or with the argument <c>worker</c> a process that runs plans which it reads from standard input.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] args)
    {
        if (args is ["worker"])
            return WorkerLoop.Run(Console.In, Console.Out);
        var builder = await TestApplication.CreateBuilderAsync(args);
        builder.AddSelfRegisteredExtensions(args);
        using var application = await builder.BuildAsync();
        return await application.RunAsync();
    }
}
