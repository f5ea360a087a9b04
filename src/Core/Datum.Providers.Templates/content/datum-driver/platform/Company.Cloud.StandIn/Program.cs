using Company_Cloud.StandIn;

// A stand-in for the platform, until your real one takes its place: dotnet run --project platform/Company.Cloud.StandIn [PORT] [TOKEN]
var port = args.Length > 0 ? int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture) : 5080;
var token = args.Length > 1 ? args[1] : "stand-in-token";
var platform = new StandInPlatform(TimeProvider.System) { Token = token, StartTakes = TimeSpan.FromSeconds(1) };
await using var server = await StandInServer.StartAsync(platform, port);
Console.WriteLine($"The stand-in listens on {server.Address}; Ctrl-C ends it and everything in it.");
await server.StoppedAsync();
