# Devise's encryptor and ActiveModel's has_secure_password. Responds to each line of standard input,
# {"call": name, "given": {...}}, with a line {"result": ...} or {"error": "..."}.
require 'json'
require 'bcrypt'
require 'active_model'
require 'devise'
require 'devise/version'

# What `devise :database_authenticatable` has of a model's class.
DeviseModel = Struct.new(:pepper, :stretches)

DeviseRecord = Struct.new(:encrypted_password)

# What Devise puts into sessions and remember-me cookies, and compares there.
SALT = Devise::Models::DatabaseAuthenticatable.instance_method(:authenticatable_salt)

class SecureModel
  include ActiveModel::Model
  include ActiveModel::SecurePassword
  attr_accessor :password_digest

  has_secure_password
end

def model(given)
  DeviseModel.new(given['pepper'], given['cost'])
end

CALLS = {
  'version' => ->(_) { { devise: Devise::VERSION, activeModel: ActiveModel.version.to_s, bcrypt: Gem.loaded_specs['bcrypt']&.version.to_s } },
  'deviseHash' => ->(given) { Devise::Encryptor.digest(model(given), given['password']) },
  'deviseFits' => ->(given) { Devise::Encryptor.compare(model(given), given['stored'], given['password']) },
  'deviseSalt' => ->(given) { SALT.bind_call(DeviseRecord.new(given['stored'])) },
  'secureHash' => lambda do |given|
    BCrypt::Engine.cost = given['cost']
    SecureModel.new(password: given['password']).password_digest
  end,
  'defaultCosts' => ->(_) { { devise: Devise.stretches, rails: BCrypt::Engine::DEFAULT_COST } },
  'secureFits' => lambda do |given|
    SecureModel.new(password_digest: given['stored']).authenticate(given['password']) != false
  end
}.freeze

$stdout.sync = true
while (line = $stdin.gets)
  asked = JSON.parse(line)
  answer =
    begin
      { result: CALLS.fetch(asked['call']).call(asked['given'] || {}) }
    rescue StandardError => e
      { error: e.full_message(highlight: false) }
    end
  puts JSON.generate(answer)
end
