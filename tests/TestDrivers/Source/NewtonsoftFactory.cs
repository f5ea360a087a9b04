using Datum.Providers;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace TestDrivers;

/// <summary>Reports the version of the library that really runs.</summary>
public sealed class NewtonsoftFactory : TestDriverBase
{
#if NEWTONSOFT_OLD
    private const string Id = "newtonsoft-old";
    private const string Key = "newtonsoftOld";
#else
    private const string Id = "newtonsoft-new";
    private const string Key = "newtonsoftNew";
#endif

    public override DriverDescriptor Describe() => Descriptor(Id, Key, LibraryVersion());

    public override ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) =>
        ValueTask.FromResult<IInfrastructureDriver>(new Session());

    private static string LibraryVersion()
    {
        // Goes through the library's code, so that it isn't only its name that was loaded.
        var version = typeof(JObject).Assembly.GetName().Version!;
        return (string)JObject.Parse($$"""{"v":"{{version}}"}""")["v"]!;
    }

    /// <summary>Types of our own, which the library asks TypeDescriptor about.</summary>
    private static string SerializeTyped() => JsonConvert.DeserializeObject<Typed>(JsonConvert.SerializeObject(new Typed { Name = "typed" }))!.Name;

    private sealed class Session : IInfrastructureDriver
    {
        public ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) =>
            ValueTask.FromResult<Answer<AccountFacts>>(new AccountFacts { AccountId = Id, PlatformVersion = call.Id == "typed" ? SerializeTyped() : LibraryVersion() });

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

public sealed class Typed
{
    public string Name { get; set; } = "";
}
